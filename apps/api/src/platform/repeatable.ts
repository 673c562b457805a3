import type { Place, Tx } from '@medspa/database';
import { z } from 'zod';
import type { Ctx, RepeatableRequest } from './context.ts';
import { Problem } from './problem.ts';

/** How long an answer can be asked for again. */
const KEPT_HOURS = 24;

/** What SQL verbs and `find_reply` take. */
export function repeatableArgument(ctx: Ctx): { route: string; key: string; bodyHash: string; expiresAt: Date } | null {
  return ctx.repeatable ? { ...ctx.repeatable, expiresAt: new Date(ctx.now().getTime() + KEPT_HOURS * 3_600_000) } : null;
}

/**
 * Hash of a validated body: its keys stand in the schema's order, so two spellings of the same request are equal. Keyed, since
 * a body may hold so little (a birth date) that whoever has the hash could try them all.
 */
export function hashBody({ codec, organizationId }: Pick<Ctx, 'codec' | 'organizationId'>, body: unknown): string {
  const place = { organizationId, table: 'idempotency_key', column: 'body_hash' };
  return Buffer.from(codec.blindIndex(place, JSON.stringify(body ?? null))).toString('hex');
}

/**
 * The answer that the same request was given before, or null. Waits for a transaction that is working on it now.
 * Throws `idempotency-key-reused` when the key came with another body.
 */
export async function findReply<Reply extends z.ZodType>(
  ctx: Ctx,
  request: RepeatableRequest,
  tx: Tx,
  schema: Reply,
): Promise<{ reply: z.output<Reply> } | null> {
  type Kept = { key: string | null; body_hash: Uint8Array; reply_sealed: Uint8Array };
  const rows = await tx.$queryRaw<
    Kept[]
  >`SELECT key, body_hash, reply_sealed FROM app.find_reply(${JSON.stringify(repeatableArgument(ctx))}::jsonb)`;
  const kept = rows[0];
  if (!kept?.key) return null;
  if (Buffer.from(kept.body_hash).toString('hex') !== request.bodyHash) throw new Problem('idempotency-key-reused');
  return { reply: z.decode(schema, JSON.parse(ctx.codec.open(placeOf(ctx, request), kept.reply_sealed))) };
}

/** Keeps the answer in the transaction whose work it reports. */
export async function keepReply<Reply extends z.ZodType>(
  ctx: Ctx,
  request: RepeatableRequest,
  tx: Tx,
  schema: Reply,
  reply: z.output<Reply>,
): Promise<void> {
  const sealed = ctx.codec.seal(placeOf(ctx, request), JSON.stringify(z.encode(schema, reply)));
  await tx.$executeRaw`SELECT app.keep_reply(${JSON.stringify(repeatableArgument(ctx))}::jsonb, NULL, ${sealed})`;
}

function placeOf(ctx: Ctx, { route, key }: RepeatableRequest): Place {
  return { organizationId: ctx.organizationId, table: 'idempotency_key', column: 'reply_sealed', rowId: `${ctx.actor.id}|${route}|${key}` };
}
