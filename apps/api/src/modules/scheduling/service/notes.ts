import type { Tx } from '@medspa/database';
import type { Ctx } from '../../../platform/context.ts';
import { hasMessageLeft, queueMessage } from '../../messaging/index.ts';
import * as queries from '../queries.ts';
import { notesOf } from '../rules.ts';

/**
 * Queues what the patient is told of a change of their visit, in the caller's transaction: a confirmation, a reminder a day
 * before, a note that it is cancelled. The visit is held meanwhile, so what is queued is about it as it stands; a change that
 * comes later withdraws what waits (app.withdraw_messages). Doing it again queues nothing more.
 */
export async function tellPatient(ctx: Ctx, tx: Tx, appointmentId: string, version: number): Promise<void> {
  const change = await queries.lockChange(tx, ctx.organizationId, appointmentId, version);
  if (!change) return;
  const { startsAt, locationId, patientId } = change;
  const left = (kind: 'appointment.confirmation' | 'appointment.reminder', at?: Date) =>
    hasMessageLeft(tx, ctx.organizationId, kind, appointmentId, at);
  const notes = notesOf(
    { ...change, isConfirmed: await left('appointment.confirmation'), isReminded: await left('appointment.reminder', startsAt) },
    ctx.now(),
  );
  const about = { aboutId: appointmentId, patientId, locationId, details: { startsAt }, expiresAt: startsAt };
  for (const note of notes) await queueMessage(tx, { ...note, ...about, key: `${note.kind}:${appointmentId}:${version}` });
}
