import { SessionsEnded, SignedInPatient, SignedOut, type PageQuery, type PatientSession } from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import { ANYBODY, patientActor, sessionIdOf, type Actor, type Ctx } from '../../../platform/context.ts';
import { call, mutate, view } from '../../../platform/doors.ts';
import type { FindActor } from '../../../platform/edge.ts';
import { Problem } from '../../../platform/problem.ts';
import { readSessionCookie, type SessionCookie } from '../../../platform/session-cookie.ts';
import { hashOf } from '../../../platform/tokens.ts';
import { existing, pageAfter } from '../../../platform/versioned.ts';
import { getOrganizationName, type SignInParts } from '../../identity/index.ts';
import { findNames, isInForce, openBirthDate } from '../../patients/index.ts';
import * as queries from '../queries.ts';
import { PATIENT_SESSION } from '../rules.ts';

/**
 * Says which patient a request comes from, by the patients' cookie alone, and uses the session; null when it has none, it was ended,
 * idle for too long or past its end, or the patient is not active. Whom they stand in for is reckoned anew each time, from the birth
 * date as it stands.
 */
export function findSignedInPatient(parts: SignInParts): FindActor {
  return async (headers) => {
    // What carries a key is a program, and no patient's browser.
    const cookie = headers.has('authorization') ? null : readSessionCookie(headers, 'patient');
    return cookie && findByToken(parts, cookie);
  };
}

/** The same of one cookie. */
export async function findByToken(parts: SignInParts, { organizationId, token }: SessionCookie) {
  const ctx = { ...parts, organizationId, actor: ANYBODY, requestId: 'session' };
  const { found } = await call(ctx, { needs: 'account:sign-in', action: 'portal.find' }, (session) =>
    queries.findSessionVerb(session, hashOf(token)),
  );
  if (!found) return null;
  const standsInFor = found.standsInFor
    .filter(({ patientId, basis, birthDateSealed }) => {
      const birthDate = birthDateSealed === null ? null : openBirthDate(ctx, patientId, Buffer.from(birthDateSealed, 'hex'));
      return isInForce(basis, birthDate, found.zones, parts.now());
    })
    .map(({ patientId }) => patientId);
  const signIn = { sessionId: found.id, steppedUpAt: new Date(found.createdAt), mustEnrol: false };
  return { organizationId, actor: patientActor(found.patientId, standsInFor), signIn };
}

/**
 * The context in which a patient does something about one patient: themselves, or somebody they stand in for, which every record
 * then says. About anybody else it sees nothing: the same `not-found` as for nobody.
 */
export function actingFor(ctx: Ctx, patientId: string): Ctx {
  const { actor } = ctx;
  if (patientId === actor.id) return ctx;
  const proxy: Actor = { ...actor, kind: 'proxy', patients: (actor.standsInFor ?? []).filter((id) => id === patientId) };
  return { ...ctx, actor: proxy, reason: `stands in for ${patientId}` };
}

/** Who is signed in, and whom they may act for. */
export function getSignedInPatient(ctx: Ctx): Promise<SignedInPatient> {
  const standsInFor = ctx.actor.standsInFor ?? [];
  const all = { ...ctx, actor: { ...ctx.actor, patients: [ctx.actor.id, ...standsInFor] } };
  const patients = (found: SignedInPatient) => [found.patient.id, ...found.actsFor.map(({ id }) => id)];
  return view(all, { needs: 'self:read', action: 'portal.session', patients }, async (tx) => {
    const { organizationId } = ctx;
    const names = await findNames(tx, organizationId, all.actor.patients);
    return {
      organizationId,
      organizationName: existing(await getOrganizationName(tx, organizationId)),
      patient: existing(names.find(({ id }) => id === ctx.actor.id) ?? null),
      actsFor: names.filter(({ id }) => id !== ctx.actor.id),
      session: await currentOf(ctx, tx),
    };
  });
}

/** Ends the session of the request. */
export function signOutPatient(ctx: Ctx) {
  return mutate(ctx, { needs: 'self:write', action: 'portal.sign-out', reply: SignedOut }, async (tx) => {
    await queries.deleteSessions(tx, ctx.organizationId, ctx.actor.id, { id: sessionIdOf(ctx) });
    return { isSignedIn: false as const };
  });
}

/** Where the patient is signed in, the last one first. */
export function listPatientSessions(ctx: Ctx, page: PageQuery) {
  const now = ctx.now();
  const idleSince = new Date(now.getTime() - PATIENT_SESSION.idleMinutes * 60_000);
  return view(ctx, { needs: 'self:read', action: 'portal.sessions' }, async (tx) => {
    const found = await queries.listSessions(tx, ctx.organizationId, ctx.actor.id, { now, idleSince }, page);
    const { items, nextCursor } = await pageAfter(page, found, (id) => queries.findSession(tx, ctx.organizationId, id));
    return { items: items.map((row) => shown(ctx, row)), nextCursor };
  });
}

/** Ends one session of the patient. Throws `not-found`, also for another's. */
export function endPatientSession(ctx: Ctx, id: string) {
  return mutate(ctx, { needs: 'self:write', action: 'portal.end-session', reply: SessionsEnded }, async (tx) => {
    const ended = await queries.deleteSessions(tx, ctx.organizationId, ctx.actor.id, { id });
    if (ended === 0) throw new Problem('not-found');
    return { ended };
  });
}

/** Ends every session of the patient but this one. */
export function endOtherPatientSessions(ctx: Ctx) {
  return mutate(ctx, { needs: 'self:write', action: 'portal.end-sessions', reply: SessionsEnded }, async (tx) => ({
    ended: await queries.deleteSessions(tx, ctx.organizationId, ctx.actor.id, { id: { not: sessionIdOf(ctx) } }),
  }));
}

function shown(ctx: Ctx, { use, ...row }: queries.SessionRow): PatientSession {
  return { ...row, seenAt: use?.seenAt ?? row.createdAt, isCurrent: row.id === ctx.signIn?.sessionId };
}

/** The session of the request; another request may have ended it meanwhile. */
async function currentOf(ctx: Ctx, tx: Tx): Promise<PatientSession> {
  const row = await queries.findSession(tx, ctx.organizationId, sessionIdOf(ctx));
  if (!row) throw new Problem('not-authenticated');
  return shown(ctx, row);
}
