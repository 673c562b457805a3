import { Consent, PURPOSES, type Channel, type FindConsent, type Purpose, type RecordConsent } from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import { v7 as newId } from 'uuid';
import type { Ctx } from '../../../platform/context.ts';
import { mutate, view } from '../../../platform/doors.ts';
import * as queries from '../queries.ts';
import { consentNow, restoredByStart } from '../rules/consent.ts';
import { readReply } from '../rules/reply.ts';
import { channelOf, indexOf } from './places.ts';

/** What holds for an address. The answer is the same whether or not somebody has it. */
export function findConsent(ctx: Ctx, { address }: FindConsent): Promise<Consent> {
  return view(ctx, { needs: 'messaging:read', action: 'message-consent.find' }, (tx) => readConsent(ctx, tx, address));
}

/** Records that an address may be written to for a purpose, or may not. Every patient who shares it is meant. */
export function recordConsent(ctx: Ctx, { address, purpose, isGranted, source }: RecordConsent): Promise<Consent> {
  return mutate(ctx, { needs: 'consent:write', action: 'message-consent.record', reply: Consent }, async (tx) => {
    await record(ctx, tx, address, [{ purpose, isGranted }], source, null);
    return readConsent(ctx, tx, address);
  });
}

/** A text message that somebody sent to us. `said` is the provider's own reading of it, where it has one. */
export type HeardText = { from: string; text: string; providerId: string; said: 'stop' | 'start' | 'help' | null };

/**
 * Hears what a text asks for (M4): STOP takes back every purpose at once and for everybody with the number, START gives back
 * what STOP took. The same text delivered again changes nothing. Anything else is left alone.
 */
export async function hearText(ctx: Ctx, { from, text, providerId, said }: HeardText): Promise<void> {
  const asked = said ?? readReply(text);
  if (asked !== 'stop' && asked !== 'start') return;
  await mutate(ctx, { needs: 'consent:write', action: `message-consent.${asked}`, reply: Consent }, async (tx) => {
    const index = indexOf(ctx, from);
    await queries.lockAddress(tx, 'sms', index);
    const purposes: readonly Purpose[] =
      asked === 'stop' ? PURPOSES : restoredByStart(await queries.listConsents(tx, ctx.organizationId, 'sms', index));
    const rows = purposes.map((purpose) => ({ purpose, isGranted: asked === 'start' }));
    await record(ctx, tx, from, rows, 'keyword', providerId);
    return readConsent(ctx, tx, from);
  });
}

/** A provider refuses the address, since the person stopped it there: the same as if they had told us. */
export async function revokeByProvider(ctx: Ctx, address: string): Promise<void> {
  await mutate(ctx, { needs: 'consent:write', action: 'message-consent.provider', reply: Consent }, async (tx) => {
    const rows = PURPOSES.map((purpose) => ({ purpose, isGranted: false }));
    await record(ctx, tx, address, rows, 'provider', null);
    return readConsent(ctx, tx, address);
  });
}

async function record(
  ctx: Ctx,
  tx: Tx,
  address: string,
  changes: { purpose: Purpose; isGranted: boolean }[],
  source: string,
  evidence: string | null,
): Promise<void> {
  const channel: Channel = channelOf(address);
  const addressIndex = indexOf(ctx, address);
  await queries.lockAddress(tx, channel, addressIndex);
  const rows = changes.map((change) => {
    const id = newId();
    const place = { organizationId: ctx.organizationId, table: 'message_consent', column: 'address_sealed', rowId: id };
    return { ...change, id, channel, addressIndex, addressSealed: ctx.codec.seal(place, address), source, evidence, at: ctx.now() };
  });
  await queries.insertConsents(tx, ctx.organizationId, rows);
}

async function readConsent(ctx: Ctx, tx: Tx, address: string): Promise<Consent> {
  const channel = channelOf(address);
  return { channel, purposes: consentNow(await queries.listConsents(tx, ctx.organizationId, channel, indexOf(ctx, address))) };
}
