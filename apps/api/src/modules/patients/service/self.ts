import { type Channel, type PlainDate, type PortalProfile, type UpdatePortalProfile } from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import type { Ctx } from '../../../platform/context.ts';
import { changed } from '../../../platform/versioned.ts';
import { getCountries, getOpenLocations } from '../../identity/index.ts';
import * as queries from '../queries.ts';
import { isOfAge } from '../rules/age.ts';
import { normalised } from '../rules.ts';
import { placeOf, readPatient, readPhone, SEALED, sealGiven, withPhone } from '../service.ts';

// What the portal asks of patients: each inside of its transaction, whose session sees no patient but those it may.

/** By which patients with this address are found. Throws `invalid-request` for a phone number that is none. */
export async function addressKeyOf(ctx: Ctx, tx: Tx, address: string): Promise<{ channel: Channel; key: Uint8Array<ArrayBuffer> }> {
  const [channel, field] = address.includes('@') ? (['email', 'email'] as const) : (['sms', 'phone'] as const);
  const said = field === 'phone' ? readPhone(await getCountries(tx), address, '/address') : address;
  return { channel, key: ctx.codec.blindIndex(placeOf(ctx, SEALED[field]), normalised[field](said)) };
}

/** Active patients who are reached at an address, and whether they are of age: who has no birth date counts as if they were. */
export async function findReachedAt(ctx: Ctx, tx: Tx, channel: Channel, key: Uint8Array<ArrayBuffer>) {
  const zones = (await getOpenLocations(tx, ctx.organizationId)).map(({ timeZone }) => timeZone);
  const rows = await queries.listReachedAt(tx, ctx.organizationId, channel, key);
  return rows.map(({ id, birthDateSealed }) => {
    const birthDate = birthDateSealed ? openBirthDate(ctx, id, birthDateSealed) : null;
    return { id, birthDate, isOfAge: isOfAge(birthDate, zones, ctx.now()) ?? true };
  });
}

/** Whether a patient may sign in by their age: of age, or without a birth date. Inside the caller's transaction. */
export async function isOldEnough(ctx: Ctx, tx: Tx, id: string): Promise<boolean> {
  const zones = (await getOpenLocations(tx, ctx.organizationId)).map(({ timeZone }) => timeZone);
  const { birthDate } = await readPatient(ctx, tx, id);
  return isOfAge(birthDate ?? null, zones, ctx.now()) ?? true;
}

export function openBirthDate(ctx: Ctx, id: string, sealed: Uint8Array): PlainDate {
  return ctx.codec.open({ ...placeOf(ctx, SEALED.birthDate), rowId: id }, sealed);
}

/** What these patients are called, by name. */
export function findNames(tx: Tx, organizationId: string, ids: readonly string[]) {
  return queries.listNames(tx, organizationId, ids);
}

/** A patient as they may read themselves: what staff note for each other is not in it. Throws `not-found`. */
export async function readOwnProfile(ctx: Ctx, tx: Tx, id: string): Promise<PortalProfile> {
  const {
    note: _n,
    sourceId: _s,
    relations: _r,
    relationOf: _o,
    isActive: _a,
    deceasedOn: _d,
    mergedIntoId: _m,
    ...own
  } = await readPatient(ctx, tx, id);
  return own;
}

/** Changes what was given. Throws `not-found`, `stale-version`, `invalid-request` for a phone number that is none. */
export async function changeOwnProfile(ctx: Ctx, tx: Tx, id: string, { version, ...input }: UpdatePortalProfile): Promise<PortalProfile> {
  const columns = sealGiven(ctx, id, await withPhone(tx, input));
  const count = await queries.updatePatient(tx, ctx.organizationId, id, version, columns);
  await changed(count === 1 ? [id] : [], () => queries.findPatientVersion(tx, ctx.organizationId, id));
  return readOwnProfile(ctx, tx, id);
}
