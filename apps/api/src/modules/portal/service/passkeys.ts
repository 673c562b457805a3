import { v7 as newId } from 'uuid';
import { Passkey, type AddPasskey, type Assertion, type PageQuery } from '@medspa/contracts';
import { demand, patientActor, type Ctx } from '../../../platform/context.ts';
import { mutate, view } from '../../../platform/doors.ts';
import { Problem } from '../../../platform/problem.ts';
import { existing, pageAfter } from '../../../platform/versioned.ts';
import type { RelyingParty } from '../../../platform/webauthn.ts';
import {
  askForNewPasskey,
  askForPasskey,
  getOrganizationName,
  holderOf,
  proveNewPasskey,
  provePasskey,
  type PasskeyTable,
} from '../../identity/index.ts';
import { findNames, isOldEnough } from '../../patients/index.ts';
import * as queries from '../queries/passkeys.ts';
import { beginSession, type Browser } from './sign-in.ts';

// What staff's are (decision 0016), for patients: verified alike, kept in a table of their own, and an offer beside the code.

const SECURE = 'self:secure';
const PATIENT_PASSKEYS: PasskeyTable = {
  action: 'portal.passkey-try',
  findCredential: queries.findCredential,
  tryPasskeyVerb: queries.tryPasskeyVerb,
};

/** Asks the browser for a passkey of the patient of the request. */
export async function beginPasskey(ctx: Ctx, party: RelyingParty) {
  const { organizationId, actor } = ctx;
  const found = await view(ctx, { needs: SECURE, action: 'portal.passkey-begin', patients: () => [actor.id] }, async (tx) => {
    const [person] = await findNames(tx, organizationId, [actor.id]);
    return {
      person: existing(person ?? null),
      organizationName: existing(await getOrganizationName(tx, organizationId)),
      known: await queries.listCredentials(tx, organizationId, actor.id),
    };
  });
  const { person, organizationName, known } = found;
  const name = `${person.preferredName ?? person.givenName} ${person.familyName}`;
  return askForNewPasskey(ctx, party, { name, displayName: name, organizationName }, known);
}

/**
 * Keeps a passkey. Throws `passkey-unusable`, `already-exists` for one that is known, and `rule-violated` for more than twenty.
 */
export async function addPasskey(ctx: Ctx, party: RelyingParty, { name, credential }: AddPasskey) {
  // Before the challenge is used up: whoever signs in again can show the same passkey.
  demand(ctx, SECURE);
  const made = await proveNewPasskey(ctx, party, credential);
  const row = { ...made, organizationId: ctx.organizationId, id: newId(), patientId: ctx.actor.id, name, createdAt: ctx.now() };
  return mutate(ctx, { needs: SECURE, action: 'portal.passkey-add', reply: Passkey }, (tx) => queries.insertPasskey(tx, row));
}

/** The passkeys of the patient of the request, the first one first. */
export function listPasskeys(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: 'self:read', action: 'portal.passkeys' }, async (tx) =>
    pageAfter(page, await queries.listPasskeys(tx, ctx.organizationId, ctx.actor.id, page), (id) =>
      queries.findPasskey(tx, ctx.organizationId, ctx.actor.id, id),
    ),
  );
}

/** Throws `not-found`, also for another's. */
export function removePasskey(ctx: Ctx, id: string) {
  return mutate(ctx, { needs: SECURE, action: 'portal.passkey-remove', reply: Passkey }, async (tx) => {
    const passkey = existing(await queries.findPasskey(tx, ctx.organizationId, ctx.actor.id, id));
    if (!(await queries.deletePasskey(tx, ctx.organizationId, ctx.actor.id, id))) throw new Problem('not-found');
    return passkey;
  });
}

/** Asks the browser for any passkey that it has for us. */
export function beginPasskeySignIn(ctx: Ctx, party: RelyingParty) {
  return askForPasskey(ctx, party, { for: 'patient-sign-in' });
}

/**
 * Signs a patient in by passkey: what the device says of its holder names organization and patient. Everything that may be wrong with
 * it is one answer. Throws `passkey-refused`, and `not-of-age`.
 */
export async function signInByPasskey(ctx: Ctx, party: RelyingParty, passkey: Assertion, browser: Browser) {
  const use = { purpose: { for: 'patient-sign-in' }, passkey, holder: holderOf(passkey.response.userHandle ?? '') } as const;
  const { organizationId, personId: patientId } = await provePasskey(ctx, party, PATIENT_PASSKEYS, use);
  const own = { ...ctx, organizationId, actor: patientActor(patientId) };
  return beginSession(own, browser, async (tx) => {
    if (!(await isOldEnough(own, tx, patientId))) throw new Problem('not-of-age');
  });
}
