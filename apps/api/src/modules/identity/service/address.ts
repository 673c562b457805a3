import type { Ctx } from '../../../platform/context.ts';
import type { SealedStaff } from '../queries.ts';

/** A staff row with its e-mail address in the clear. */
export function openStaff(ctx: Pick<Ctx, 'codec' | 'organizationId'>, { emailSealed, ...row }: SealedStaff) {
  return { ...row, email: emailSealed ? openEmail(ctx, row.id, emailSealed) : null };
}

/** An e-mail address of a staff member in the clear. */
export function openEmail({ codec, organizationId }: Pick<Ctx, 'codec' | 'organizationId'>, staffId: string, sealed: Uint8Array): string {
  return codec.open({ organizationId, table: 'staff', column: 'email_sealed', rowId: staffId }, sealed);
}

/** The two columns of an e-mail address. */
export function sealEmail(ctx: Pick<Ctx, 'codec' | 'organizationId'>, id: string, email: string | null) {
  if (email === null) return { emailSealed: null, emailIndex: null };
  const place = { organizationId: ctx.organizationId, table: 'staff', column: 'email_sealed' };
  return { emailSealed: ctx.codec.seal({ ...place, rowId: id }, email), emailIndex: ctx.codec.blindIndex(place, email.toLowerCase()) };
}
