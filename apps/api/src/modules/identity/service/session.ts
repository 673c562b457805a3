import { v7 as newId } from 'uuid';
import {
  grantsOf,
  SignedIn,
  SignedOut,
  SignInSession,
  SessionsEnded,
  union,
  type GivenRole,
  type PageQuery,
  type Role,
  type SignIn,
  type StepUp,
} from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import { ANYBODY, sessionIdOf, type Actor, type Ctx } from '../../../platform/context.ts';
import { call, mutate, view } from '../../../platform/doors.ts';
import type { FindActor } from '../../../platform/edge.ts';
import { Problem } from '../../../platform/problem.ts';
import { readDeviceCookie, readSessionCookie, type DeviceCookie, type SessionCookie } from '../../../platform/session-cookie.ts';
import { hashOf, newToken } from '../../../platform/tokens.ts';
import { pageAfter } from '../../../platform/versioned.ts';
import { listGivenRoles, type GivenRoleRow } from '../queries/access.ts';
import * as queries from '../queries/sign-in.ts';
import { deviceOf, STAFF_SESSION } from '../rules.ts';
import { findInEmergency } from './emergency.ts';
import { loginKeyOf, prove, type Proof } from './prove.ts';
import { beginOnDevice } from './shared-device.ts';

/** What finding a session takes. */
export type SignInParts = Pick<Ctx, 'database' | 'codec' | 'breaker' | 'now'>;

/** A staff member with what the roles that they were given allow. */
function actorOf(staffId: string, roles: readonly GivenRole[]): Actor {
  return { kind: 'staff', id: staffId, grants: grantsOf(roles) };
}

/** The owner of an organization. */
export function ownerOf(staffId: string): Actor {
  return actorOf(staffId, [{ role: 'owner', permissions: null, locationId: null }]);
}

/** A staff member who is about to sign in: nothing is open to them yet but that, and their own account. */
export function newcomer(staffId: string): Actor {
  return { kind: 'staff', id: staffId, grants: union([grantsOf([]), ANYBODY.grants]) };
}

/**
 * Says whose session a request comes in, and uses it; null when it has none, it was ended, idle for too long or past its end, or
 * its person left. Asked for each request, so that all of these hold from the next one on. Where a second factor is needed, whoever
 * has none is let do nothing but set one up (HIP-8). An emergency goes its own way (I19).
 */
export function findSignedIn(parts: SignInParts, { needsSecondFactor }: { needsSecondFactor: boolean }): FindActor {
  return async (headers, operation) => {
    const cookie = readSessionCookie(headers);
    if (!cookie) return null;
    const { organizationId } = cookie;
    const ctx = { ...parts, organizationId, actor: ANYBODY, requestId: 'session' };
    const inEmergency = await findInEmergency(ctx, { tokenHash: hashOf(cookie.token), needsSecondFactor, headers, operation });
    if (inEmergency !== undefined) return inEmergency;
    const { found } = await call(ctx, { needs: 'account:sign-in', action: 'session.find' }, (session) =>
      queries.findStaffSessionVerb(session, hashOf(cookie.token)),
    );
    if (!found) return null;
    const mustEnrol = needsSecondFactor && !found.hasSecondFactor;
    const state = { sessionId: found.id, steppedUpAt: new Date(found.steppedUpAt), mustEnrol };
    return { organizationId, actor: actorOf(found.staffId, found.roles), signIn: state };
  };
}

/** What the request of somebody who signs in says beside its body. */
export type Browser = { userAgent: string; cookie: SessionCookie | null; device: DeviceCookie | null };

export function browserOf(headers: Headers): Browser {
  return { userAgent: headers.get('user-agent') ?? '', cookie: readSessionCookie(headers), device: readDeviceCookie(headers) };
}

/** Signs in: a new token each time, and the session that the browser had ends. Throws what `prove` does. */
export async function signIn(ctx: Ctx, { email, organizationId, ...given }: SignIn, browser: Browser): Promise<Begun> {
  return startSession(ctx, await prove(ctx, loginKeyOf(ctx, email), organizationId ?? null, given), browser);
}

/** A new session, and the cookie of the browser that has it. */
export type Begun = { cookie: SessionCookie; signedIn: SignedIn };

/** What the session of somebody who proved it here and now is. */
const PROVED_HERE = { provedAt: null, isByProvidersFactor: false };

/**
 * Signs in whoever proved who they are: here and now, or to somebody else at `provedAt`, and where that was by a second factor which counts
 * here, `isByProvidersFactor`.
 */
export async function startSession(
  ctx: Ctx,
  proof: Proof,
  { userAgent, cookie, device }: Browser,
  { provedAt, isByProvidersFactor }: { provedAt: Date | null; isByProvidersFactor: boolean } = PROVED_HERE,
): Promise<Begun> {
  const own = { ...ctx, organizationId: proof.organizationId, actor: newcomer(proof.staffId) };
  const token = newToken();
  const now = ctx.now();
  const session = {
    organizationId: own.organizationId,
    id: newId(),
    staffId: own.actor.id,
    tokenHash: hashOf(token),
    device: deviceOf(userAgent),
    steppedUpAt: provedAt ?? now,
    isByProvidersFactor,
    createdAt: now,
  };
  const signedIn = await mutate(own, { needs: 'account:sign-in', action: 'session.begin', reply: SignedIn }, async (tx) => {
    await proof.settle(tx);
    await queries.deleteSessions(tx, own.organizationId, own.actor.id, { endsAt: { lte: now } });
    if (cookie) await queries.deleteSessions(tx, own.organizationId, own.actor.id, { tokenHash: hashOf(cookie.token) });
    const { deviceId, idleMinutes, hours } = await beginOnDevice(tx, own.organizationId, own.actor.id, device);
    await queries.insertSession(tx, { ...session, deviceId, idleMinutes, endsAt: new Date(now.getTime() + hours * 3_600_000) });
    const actor = actorOf(own.actor.id, await listGivenRoles(tx, own.actor.id));
    return describe({ ...own, actor, signIn: { sessionId: session.id, steppedUpAt: session.steppedUpAt, mustEnrol: false } }, tx);
  });
  return { cookie: { organizationId: own.organizationId, token }, signedIn };
}

/** Who is signed in, how, and since when. */
export function getSignedIn(ctx: Ctx): Promise<SignedIn> {
  return view(ctx, { needs: 'account:read', action: 'session.read' }, (tx) => describe(ctx, tx));
}

/** Ends the session of the request. */
export function signOut(ctx: Ctx) {
  return mutate(ctx, { needs: 'account:write', action: 'session.end', reply: SignedOut }, async (tx) => {
    if (ctx.signIn) await queries.deleteSessions(tx, ctx.organizationId, ctx.actor.id, { id: ctx.signIn.sessionId });
    return { isSignedIn: false as const };
  });
}

/** Ends the session that a browser came with, whosever it is: what the browser is from now on is no person's. */
export async function endSessionOf(ctx: Ctx, cookie: SessionCookie): Promise<void> {
  const of = { ...ctx, organizationId: cookie.organizationId, actor: ANYBODY };
  await mutate(of, { needs: 'account:sign-in', action: 'session.end', reply: SignedOut }, async (tx) => {
    await queries.deleteSessionOfToken(tx, cookie.organizationId, hashOf(cookie.token));
    return { isSignedIn: false as const };
  });
}

/** Proves again who acts, which some permissions want. Throws what `prove` does. */
export async function stepUp(ctx: Ctx, given: StepUp) {
  const { organizationId, actor } = ctx;
  const secret = await view(ctx, { needs: 'account:write', action: 'session.step-up' }, (tx) =>
    queries.findSecret(tx, organizationId, actor.id),
  );
  if (!secret?.loginKey) throw new Problem('wrong-credentials');
  const proof = await prove({ ...ctx, actor: newcomer(actor.id) }, secret.loginKey, organizationId, given);
  return mutate(ctx, { needs: 'account:write', action: 'session.step-up', reply: SignInSession }, async (tx) => {
    await proof.settle(tx);
    return steppedUp(ctx, tx);
  });
}

/** Notes on the session of the request that its person proved who they are. Throws `not-authenticated` where there is none. */
export async function steppedUp(ctx: Ctx, tx: Tx): Promise<SignInSession> {
  await queries.updateSteppedUp(tx, ctx.organizationId, sessionIdOf(ctx), ctx.now());
  return currentOf(ctx, tx);
}

/** Where the person is signed in, the last one first. */
export function listSessions(ctx: Ctx, page: PageQuery) {
  const now = ctx.now();
  const idleSince = new Date(now.getTime() - STAFF_SESSION.idleMinutes * 60_000);
  return view(ctx, { needs: 'account:read', action: 'session.list' }, async (tx) => {
    const found = await queries.listSessions(tx, ctx.organizationId, ctx.actor.id, { now, idleSince }, page);
    const { items, nextCursor } = await pageAfter(page, found, (id) => queries.findSession(tx, ctx.organizationId, ctx.actor.id, id));
    return { items: items.map((row) => shown(ctx, row)), nextCursor };
  });
}

/** Ends one session of the person. Throws `not-found`, also for another's. */
export function endSession(ctx: Ctx, id: string) {
  return mutate(ctx, { needs: 'account:write', action: 'session.end', reply: SessionsEnded }, async (tx) => {
    const ended = await queries.deleteSessions(tx, ctx.organizationId, ctx.actor.id, { id });
    if (ended === 0) throw new Problem('not-found');
    return { ended };
  });
}

/** Ends every session of the person but this one. */
export function endOtherSessions(ctx: Ctx) {
  return mutate(ctx, { needs: 'account:write', action: 'session.end-others', reply: SessionsEnded }, (tx) => keepOnlyThis(ctx, tx));
}

/** The same inside the caller's transaction. */
export async function keepOnlyThis({ organizationId, actor, signIn: state }: Ctx, tx: Tx) {
  return { ended: await queries.deleteSessions(tx, organizationId, actor.id, state ? { id: { not: state.sessionId } } : {}) };
}

type SessionRow = NonNullable<Awaited<ReturnType<typeof queries.findSession>>>;

function shown(ctx: Ctx, { use, ...row }: SessionRow): SignInSession {
  return { ...row, seenAt: use?.seenAt ?? row.createdAt, isCurrent: row.id === ctx.signIn?.sessionId };
}

/** The session of the request; another request may have ended it meanwhile. */
async function currentOf(ctx: Ctx, tx: Tx): Promise<SignInSession> {
  const row = await queries.findSession(tx, ctx.organizationId, ctx.actor.id, sessionIdOf(ctx));
  if (!row) throw new Problem('not-authenticated');
  return shown(ctx, row);
}

/** Who is signed in, inside the caller's transaction. */
export async function describe(ctx: Ctx, tx: Tx): Promise<SignedIn> {
  const { organizationId, actor } = ctx;
  const person = await queries.findPerson(tx, organizationId, actor.id);
  if (!person) throw new Problem('not-found');
  return {
    organizationId,
    organizationName: person.organization.name,
    staffId: actor.id,
    givenName: person.givenName,
    familyName: person.familyName,
    roles: (await listGivenRoles(tx, actor.id)).map(shownRole),
    permissions: [...actor.grants].map(([permission, scope]) => ({ permission, locationIds: scope === 'everywhere' ? null : [...scope] })),
    hasSecondFactor: Boolean(person.account?.secondFactorSince),
    recoveryCodesLeft: await queries.countRecoveryCodes(tx, organizationId, actor.id),
    session: ctx.signIn ? await currentOf(ctx, tx) : null,
  };
}

function shownRole({ role, customRoleId, name, locationId }: GivenRoleRow): SignedIn['roles'][number] {
  return { role: (role ?? customRoleId) as Role, name: name ?? role ?? '', locationId };
}
