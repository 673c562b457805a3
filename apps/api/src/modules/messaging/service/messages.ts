import { CHANNELS, MESSAGE_KINDS, type Message, type MessageKind, type PageQuery } from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import type { Ctx } from '../../../platform/context.ts';
import { view } from '../../../platform/doors.ts';
import { existing, pageAfter } from '../../../platform/versioned.ts';
import { getPatientContact } from '../../patients/index.ts';
import * as queries from '../queries.ts';
import { FIRST_WORDS } from '../rules/words.ts';
import { placeInMessage } from './places.ts';

/**
 * Queues a message in the caller's transaction (M1), once per key, by every channel for which the organization has words, or by the
 * one that is named. It leaves after `sendAfter`, or never once `expiresAt` has come.
 */
export async function queueMessage(tx: Tx, message: Omit<queries.WantedMessage, 'purpose'>): Promise<void> {
  const { kind } = message;
  const first = FIRST_WORDS[kind];
  for (const channel of first ? CHANNELS : []) if (first) await queries.beginWords(tx, kind, channel, first[channel]);
  await queries.queueMessage(tx, { ...message, purpose: MESSAGE_KINDS[kind].purpose });
}

/** Whether a message of this kind about this has left or is leaving; with `startsAt`, one that named this start. */
export function hasMessageLeft(tx: Tx, organizationId: string, kind: MessageKind, aboutId: string, startsAt?: Date): Promise<boolean> {
  return queries.hasLeft(tx, organizationId, kind, aboutId, startsAt);
}

/** What was said to a patient and what waits, the latest first. Throws `not-found` for the patient or the cursor. */
export function listPatientMessages(ctx: Ctx, patientId: string, page: PageQuery) {
  return view(ctx, { needs: 'messaging:read', action: 'message.list', patients: () => [patientId] }, async (tx) => {
    existing(await getPatientContact(ctx, tx, patientId));
    const { items, nextCursor } = await pageAfter(page, await queries.listMessages(tx, ctx.organizationId, patientId, page), async (id) => {
      const message = await queries.findMessage(tx, ctx.organizationId, id);
      return message?.patientId === patientId ? message : null;
    });
    return { items: items.map((row) => present(ctx, row)), nextCursor };
  });
}

/** What reached a patient, as they may read it again themselves: no codes. The latest first. Inside the caller's transaction. */
export async function listSaid(ctx: Ctx, tx: Tx, patientId: string, page: PageQuery) {
  const kinds = Object.keys(MESSAGE_KINDS).filter((kind) => kind !== 'patient.sign-in');
  const found = await queries.listSent(tx, ctx.organizationId, patientId, kinds, page);
  const { items, nextCursor } = await pageAfter(page, found, async (id) => {
    const message = await queries.findMessage(tx, ctx.organizationId, id);
    return message?.patientId === patientId ? message : null;
  });
  return {
    items: items.map((row) => {
      const { id, kind, channel, title, body } = present(ctx, { ...row, template: null });
      return { id, kind, channel, title: title ?? null, body: body ?? '', sentAt: row.sentAt ?? row.createdAt };
    }),
    nextCursor,
  };
}

function present(ctx: Ctx, row: queries.MessageRow & { template: { revision: number } | null }): Message {
  const open = (column: 'address_sealed' | 'title_sealed' | 'body_sealed', sealed: Uint8Array | null) =>
    sealed ? ctx.codec.open(placeInMessage(ctx, column, row.id), sealed) : null;
  return {
    id: row.id,
    kind: row.kind,
    purpose: row.purpose as Message['purpose'],
    channel: row.channel as Message['channel'],
    aboutId: row.aboutId,
    state: row.state as Message['state'],
    reason: row.reason,
    providerStatus: row.providerStatus,
    templateRevision: row.template?.revision ?? null,
    address: open('address_sealed', row.addressSealed),
    title: open('title_sealed', row.titleSealed),
    body: open('body_sealed', row.bodySealed),
    sendAfter: row.sendAfter.toISOString(),
    sentAt: row.sentAt?.toISOString() ?? null,
  };
}
