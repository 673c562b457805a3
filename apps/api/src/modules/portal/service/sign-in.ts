import { v7 as newId } from 'uuid';
import { PatientSignIn, SessionsEnded, type AskPatientSignIn, type SignedInPatient, type SignInPatient } from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import { patientActor, type Ctx } from '../../../platform/context.ts';
import { call, mutate, view } from '../../../platform/doors.ts';
import { Problem, problemAt } from '../../../platform/problem.ts';
import type { SessionCookie } from '../../../platform/session-cookie.ts';
import { isSignInCode } from '../../../platform/sign-in-codes.ts';
import { hashOf, newToken } from '../../../platform/tokens.ts';
import { deviceOf, getOpenLocations, getOrganizationName } from '../../identity/index.ts';
import { queueMessage } from '../../messaging/index.ts';
import { addressKeyOf, findReachedAt } from '../../patients/index.ts';
import * as queries from '../queries.ts';
import { CODE_MINUTES, PATIENT_SESSION, whoSignsIn } from '../rules.ts';
import { findByToken, getSignedInPatient } from './session.ts';

/**
 * Has a message with code and link sent to an address, if a patient has it (O1). Nobody looks whether one has until the job does, so
 * the answer, its work and its time are the same. Throws `not-found` for the organization, `code-paused` when the address was sent
 * enough, `invalid-request` for a phone number that is none.
 */
export function askSignIn(ctx: Ctx, { organizationId, address }: AskPatientSignIn): Promise<PatientSignIn> {
  const own = { ...ctx, organizationId };
  const asked = { id: newId(), expiresAt: new Date(ctx.now().getTime() + CODE_MINUTES * 60_000) };
  return mutate(own, { needs: 'account:sign-in', action: 'portal.ask', reply: PatientSignIn }, async (tx) => {
    if ((await getOrganizationName(tx, organizationId)) === null) throw problemAt('not-found', '/organizationId');
    const { channel, key } = await addressKeyOf(own, tx, address);
    const retryAfterSeconds = await queries.askSignIn(tx, asked.id, channel, key);
    if (retryAfterSeconds > 0) throw new Problem('code-paused', { retryAfterSeconds });
    return asked;
  });
}

/** Queues the message, in the caller's transaction: one, to the first of those who have the address, or none where nobody has. */
export async function sendSignIn(ctx: Ctx, tx: Tx, id: string): Promise<void> {
  const signIn = await queries.findSignIn(tx, ctx.organizationId, id);
  if (!signIn || signIn.usedAt || signIn.expiresAt <= ctx.now()) return;
  const channel = signIn.channel as 'email' | 'sms';
  const [first] = await findReachedAt(ctx, tx, channel, signIn.addressKey);
  const [place] = await getOpenLocations(tx, ctx.organizationId);
  if (!first || !place) return;
  const kind = 'patient.sign-in';
  const { expiresAt } = signIn;
  const about = {
    aboutId: id,
    patientId: first.id,
    locationId: place.id,
    details: { addressKey: Buffer.from(signIn.addressKey).toString('hex') },
  };
  await queueMessage(tx, { ...about, key: `${kind}:${id}`, kind, channel, isUrgent: true, sendAfter: ctx.now(), expiresAt });
}

/**
 * Signs a patient in with what the message said: once (O2), within ten minutes and five tries (O3). A try counts before it is
 * compared. Throws `code-refused`, `birth-date-required` where several patients have the address, `person-not-clear`, `not-of-age`.
 */
export async function signInPatient(
  ctx: Ctx,
  { organizationId, signInId, code, birthDate }: SignInPatient,
  browser: Browser,
): Promise<{ cookie: SessionCookie; signedIn: SignedInPatient }> {
  const own = { ...ctx, organizationId };
  const verb = { needs: 'account:sign-in', action: 'portal.try' } as const;
  const { tried } = await call(own, verb, (session) => queries.trySignInVerb(session, signInId));
  if (!tried || !isSignInCode(own, signInId, code)) throw new Problem('code-refused');
  const reached = await view(own, verb, (tx) => findReachedAt(own, tx, tried.channel, Buffer.from(tried.addressKey, 'hex')));
  const who = whoSignsIn(reached, birthDate);
  if (who === 'birth-date-required') await call(own, verb, (session) => queries.takeBackTryVerb(session, signInId));
  if (typeof who === 'string') throw new Problem(who);

  return beginSession({ ...own, actor: patientActor(who.id) }, browser, async (tx) => {
    if (!(await queries.useSignIn(tx, signInId))) throw new Problem('code-refused');
  });
}

/** What the request of somebody who signs in says beside its body. */
export type Browser = { userAgent: string; cookie: SessionCookie | null };

/** Begins a session of the patient in place of the one that the browser had, and settles what it was begun with. */
export async function beginSession(
  ctx: Ctx,
  { userAgent, cookie: former }: Browser,
  settle: (tx: Tx) => Promise<void>,
): Promise<{ cookie: SessionCookie; signedIn: SignedInPatient }> {
  const { organizationId, actor } = ctx;
  const cookie = { organizationId, token: newToken() };
  const now = ctx.now();
  const session = {
    organizationId,
    id: newId(),
    patientId: actor.id,
    tokenHash: hashOf(cookie.token),
    device: deviceOf(userAgent),
    idleMinutes: PATIENT_SESSION.idleMinutes,
    endsAt: new Date(now.getTime() + PATIENT_SESSION.hours * 3_600_000),
    createdAt: now,
  };
  await mutate(ctx, { needs: 'self:write', action: 'portal.sign-in', reply: SessionsEnded }, async (tx) => {
    await settle(tx);
    let ended = await queries.deleteSessions(tx, organizationId, actor.id, { endsAt: { lte: now } });
    if (former) ended += await queries.deleteSessions(tx, organizationId, actor.id, { tokenHash: hashOf(former.token) });
    await queries.insertSession(tx, session);
    return { ended };
  });
  const found = await findByToken(ctx, cookie);
  if (!found) throw new Problem('not-authenticated');
  return { cookie, signedIn: await getSignedInPatient({ ...ctx, ...found }) };
}
