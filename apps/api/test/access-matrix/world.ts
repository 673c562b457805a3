import { createHash, randomBytes } from 'node:crypto';
import { sessionCookie } from '../../src/platform/session-cookie.ts';
import { OWN_ORIGIN } from '../browser.ts';
import { aClinic, aProvider, arrange, copiesOf, createTestDatabase, NOW, type Clinic, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { validRequests, type ValidRequest } from '../requests.ts';

/** A clinic, and a request for every operation that is about its rows. */
type Side = { clinic: Clinic; requests: Map<string, ValidRequest> };

/** Whose a row is: its organization's, and its location's and its patient's where it has them. */
export type Owner = { organizationId: string; locationId: string | null; patientId: string | null };

/** Three clinics alike: the actors' own, the other location of the same organization, and another organization. */
export type World = {
  own: Side;
  elsewhere: Side;
  foreign: Side;
  /** What a browser sends whose person is the own clinic's owner, whose session has ended, and whose person has left. */
  browsers: Record<'signedIn' | 'expired' | 'left', Record<string, string>>;
  /** Every id of the database. */
  owners: ReadonlyMap<string, Owner>;
  /** A copy of it all, in a database of its own. */
  copy: () => Promise<TestDatabase>;
  drop: () => Promise<void>;
};

/** Makes the world once; cases are tried in copies of it. */
export async function aWorld(): Promise<World> {
  const t = await createTestDatabase();
  const own = await aClinic(t.database);
  const [second, other] = [await anotherLocation(t, own), await aClinic(t.database)];
  const aSide = async (clinic: Clinic): Promise<Side> => ({ clinic, requests: await validRequests(t.database, clinic, NOW) });
  const sides = { own: await aSide(own), elsewhere: await aSide(second), foreign: await aSide(other) };
  const browsers = {
    signedIn: await aSession(t, own, await anOwner(t, own, true)),
    expired: await aSession(t, own, await anOwner(t, own, true), -1),
    left: await aSession(t, own, await anOwner(t, own, false)),
  };
  const owners = await ownersIn(t);
  return { ...sides, browsers, owners, ...(await copiesOf(t)) };
}

/** A second location that has what the first one has: rooms, and a provider with shifts who performs the service. */
async function anotherLocation({ database }: TestDatabase, clinic: Clinic): Promise<Clinic> {
  const { organizationId, legalEntityId, roomTypeId, timeZone } = clinic;
  const locationId = newId();
  const roomIds = [newId(), newId()];
  return arrange(database, clinic, async (tx) => {
    await tx.location.create({ data: { organizationId, id: locationId, legalEntityId, name: 'Second Street', timeZone } });
    for (const [position, id] of roomIds.entries())
      await tx.room.create({ data: { organizationId, id, locationId, roomTypeId, name: `Second room ${position}`, position } });
    return { ...clinic, locationId, roomIds, ...(await aProvider(tx, { ...clinic, locationId })) };
  });
}

/** One more owner, or one who has left and whose session nobody ended. */
function anOwner({ database }: TestDatabase, clinic: Clinic, isActive: boolean): Promise<string> {
  const of = { organizationId: clinic.organizationId };
  return arrange(database, clinic, async (tx) => {
    const { id } = await tx.staff.create({ data: { ...of, givenName: 'Oda', familyName: 'Owner', jobTitle: 'Owner', isActive } });
    await tx.staffRole.create({ data: { ...of, staffId: id, role: 'owner' } });
    return id;
  });
}

/** Headers of somebody with a passkey who signed in an hour before a session of that many minutes ends. */
async function aSession({ database }: TestDatabase, { organizationId, actorId }: Clinic, staffId: string, endsInMinutes = 60) {
  const token = randomBytes(32).toString('base64url');
  const tokenHash = createHash('sha256').update(token).digest();
  const createdAt = new Date(NOW.getTime() - 3_600_000);
  const endsAt = new Date(NOW.getTime() + endsInMinutes * 60_000);
  const of = { organizationId, staffId };
  await arrange(database, { organizationId, actorId }, async (tx) => {
    await tx.staffAccount.create({ data: { ...of, passwordChangedAt: NOW } });
    await tx.staffSecret.create({ data: { ...of, passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$nobody$knows', passwordIsLong: true } });
    const passkey = { credentialId: randomBytes(32), publicKey: randomBytes(77), counter: 0, isBackedUp: false, name: 'Phone' };
    await tx.staffPasskey.create({ data: { ...of, ...passkey, createdAt } });
    const session = { ...of, id: newId(), tokenHash, device: 'Firefox, Linux', idleMinutes: 15, createdAt, steppedUpAt: NOW, endsAt };
    await tx.staffSession.create({ data: session });
    await tx.staffSessionUse.create({ data: { organizationId, sessionId: session.id, seenAt: NOW } });
  });
  return { origin: OWN_ORIGIN, cookie: sessionCookie({ organizationId, token }).split(';')[0] ?? '' };
}

/** Rows that are where another one is: the column that names it, its table, and what it says. */
const PARENTS: [column: string, table: string, says: string[]][] = [
  ['appointment_id', 'appointment', ['location', 'patient']],
  ['rotation_id', 'shift_rotation', ['location']],
];

/** Read from the catalog, so that a new table is in it by itself: what has a location or a patient, or hangs on a row that has one. */
async function ownersIn(t: TestDatabase): Promise<Map<string, Owner>> {
  const columns = await t.look<{ name: string; columns: string[] }>(
    `SELECT c.relname AS name, array_agg(a.attname::text) AS columns FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
     GROUP BY 1 HAVING array_agg(a.attname::text) @> '{id,organization_id}'`,
  );
  const owners = new Map<string, Owner>();
  for (const { name, columns: has } of columns) {
    const parent = PARENTS.find(([column]) => has.includes(column));
    const [of, join] = parent ? ['p', `JOIN ${parent[1]} p ON p.organization_id = r.organization_id AND p.id = r.${parent[0]}`] : ['r', ''];
    const whose = (what: string) => {
      if (name === what) return 'r.id';
      return (parent ? parent[2].includes(what) : has.includes(`${what}_id`)) ? `${of}.${what}_id` : 'NULL';
    };
    const rows = await t.look<Owner & { id: string }>(
      `SELECT r.id::text AS id, r.organization_id AS "organizationId", ${whose('location')}::uuid AS "locationId", ${whose('patient')}::uuid AS "patientId"
       FROM ${name} r ${join}`,
    );
    for (const { id, organizationId, locationId, patientId } of rows) {
      // Some rows share their id with one that says more of it, as a room does with what is claimed of it.
      const known = owners.get(id);
      owners.set(id, {
        organizationId,
        locationId: locationId ?? known?.locationId ?? null,
        patientId: patientId ?? known?.patientId ?? null,
      });
    }
  }
  return owners;
}
