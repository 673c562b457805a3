import { KEY_PERMISSIONS, isOrganizationWide } from '@medspa/contracts';
import { aClinic, aProvider, arrange, copiesOf, createTestDatabase, NOW, type Clinic, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { validRequests, type ValidRequest } from '../requests.ts';
import { askersOf, NOBODY, type Asker } from './askers.ts';
import { portalRequests, type Parent } from './portal.ts';
import { signInRequests } from './sign-in.ts';

/** Whoever may ask, by the names that the kinds of actors know them by. */
export type Askers = Record<Exclude<keyof Awaited<ReturnType<typeof usualAskers>>, 'patient'>, Asker> & { patient: Parent };

/** A clinic, a request for every operation that is about its rows, and who asks. */
type Side = {
  clinic: Clinic;
  requests: ReadonlyMap<string, ValidRequest>;
  /** The same about a child whom the patient stands in for who asks. */
  ofChild: ReadonlyMap<string, ValidRequest>;
  /** Of operations about who asks, those who have what the request names, a session to end or a visit to arrive for ... */
  askers: ReadonlyMap<string, Partial<Askers>>;
  /** ... and of all others. */
  usual: Askers;
};

/**
 * Whose a row is: its organization's, and its location's and its patient's where it has them. A session and a passkey are one person's
 * alone, staff or patient.
 */
export type Owner = { organizationId: string; locationId: string | null; patientId: string | null; personId: string | null };

/** Three clinics alike: the actors' own, the other location of the same organization, and another organization. */
export type World = {
  own: Side;
  elsewhere: Side;
  foreign: Side;
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
  const sides = { own: await aSide(t, own), elsewhere: await aSide(t, second), foreign: await aSide(t, other) };
  const owners = await ownersIn(t);
  return { ...sides, owners, ...(await copiesOf(t)) };
}

async function aSide(t: TestDatabase, clinic: Clinic): Promise<Side> {
  const requests = await validRequests(t.database, clinic, NOW);
  const visit = {
    patientId: requests.get('GET /v1/patients/{id}')?.params['id'] ?? '',
    appointmentId: requests.get('GET /v1/appointments/{id}')?.params['id'] ?? '',
  };
  const make = await askersOf(t, clinic);
  const signIn = await signInRequests(t, clinic, make, visit);
  const portal = await portalRequests(t, clinic, make);
  return {
    clinic,
    requests: new Map([...requests, ...signIn.requests, ...portal.requests]),
    ofChild: portal.ofChild,
    askers: new Map<string, Partial<Askers>>([...signIn.askers, ...portal.askers]),
    usual: await usualAskers(make, clinic, visit),
  };
}

async function usualAskers(
  make: Awaited<ReturnType<typeof askersOf>>,
  { locationId }: Clinic,
  visit: { patientId: string; appointmentId: string },
) {
  return {
    nobody: NOBODY,
    staff: await make.anOwner(),
    formerSession: await make.anOwner({ endsInMinutes: -1 }),
    formerStaff: await make.anOwner({ isActive: false }),
    sharedDevice: await make.aDevice('shared-device'),
    kiosk: await make.aDevice('kiosk'),
    handedDevice: await make.aDevice('kiosk', visit),
    key: await make.aKey(KEY_PERMISSIONS),
    keyHere: await make.aKey(
      KEY_PERMISSIONS.filter((permission) => !isOrganizationWide(permission)),
      [locationId],
    ),
    patient: { ...(await make.aPatientAsker()), childId: '' },
    formerPatientSession: await make.aPatientAsker({ endsInMinutes: -1 }),
    formerPatient: await make.aPatientAsker({ isActive: false }),
  };
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

/** Rows that are where another one is: the column that names it, its table, and what it says. */
const PARENTS: [column: string, table: string, says: string[]][] = [
  ['appointment_id', 'appointment', ['location', 'patient']],
  ['rotation_id', 'shift_rotation', ['location']],
];

/** What one person alone has, by the column that says whose it is. */
const PERSONAL = new Map([
  ['staff_session', 'staff_id'],
  ['staff_passkey', 'staff_id'],
  ['patient_session', 'patient_id'],
  ['patient_passkey', 'patient_id'],
]);

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
      `SELECT r.id::text AS id, r.organization_id AS "organizationId", ${whose('location')}::uuid AS "locationId", ${whose('patient')}::uuid AS "patientId",
         ${PERSONAL.get(name) ?? 'NULL'}::uuid AS "personId"
       FROM ${name} r ${join}`,
    );
    for (const { id, organizationId, locationId, patientId, personId } of rows) {
      // Some rows share their id with one that says more of it, as a room does with what is claimed of it.
      const known = owners.get(id);
      owners.set(id, {
        organizationId,
        locationId: locationId ?? known?.locationId ?? null,
        patientId: patientId ?? known?.patientId ?? null,
        personId,
      });
    }
  }
  return owners;
}
