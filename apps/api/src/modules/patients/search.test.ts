import type { ProblemDocument } from '@medspa/contracts';
import { aClinic, arrange, createTestDatabase, NOW, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from '../../../test/harness.ts';

let t: TestDatabase;
let app: TestApp;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

type Found = { items: { id: string; givenName: string; familyName: string; preferredName: string | null }[]; nextCursor: string | null };

const PEOPLE = [
  { givenName: 'José', familyName: 'Álvarez', phone: '+12125550100', email: 'Jose@patients.example', birthDate: '1990-05-17' },
  { givenName: 'Josephine', familyName: 'Müller', preferredName: 'Jo', phone: '+12125550100', birthDate: '1988-01-02' },
  { givenName: 'Søren', familyName: "O'Brien", phone: '+12125550101', email: 'soren@patients.example', birthDate: '1990-05-17' },
  { givenName: 'Anna', familyName: 'O’Brien-Łuk', email: 'anna@patients.example' },
  { givenName: 'Percy', familyName: '100% Real', preferredName: '_dot' },
  { givenName: 'Zoë', familyName: 'van der Straße' },
  { givenName: '英子', familyName: '山田' },
];

beforeEach(async () => {
  const clinic = await aClinic(t.database);
  app = testApp(t.database, { as: clinic, now: () => NOW });
  await app.send('POST', '/v1/patients/import', { patients: PEOPLE.map((person, index) => ({ sourceId: String(index), ...person })) });
});

const search = async (by: object) => {
  const { status, body, text } = await app.send<Found & ProblemDocument>('POST', '/v1/patients/search', by);
  expect(status, text).toBe(200);
  return body.items.map(({ familyName }) => familyName);
};

describe('patients are found', () => {
  test.each([
    ['the beginning of a family name', 'Mül', ['Müller']],
    ['the beginning of a given name', 'Jos', ['Álvarez', 'Müller']],
    ['the beginning of the name that they go by', 'jo', ['Álvarez', 'Müller']],
    ['whatever the case', 'aLVAREZ', ['Álvarez']],
    ['without accents', 'muller', ['Müller']],
    ['with accents where there are none', 'Jóséphi', ['Müller']],
    ['in composed and decomposed form', 'Mu\u0308l', ['Müller']],
    ['letters that have no accent to lose', 'soren', ["O'Brien"]],
    ['either apostrophe', 'o’brien', ["O'Brien", 'O’Brien-Łuk']],
    ['letters spelled out', 'van der strasse', ['van der Straße']],
    ['other scripts', '山', ['山田']],
    ['a percent sign taken as what it is', '100%', ['100% Real']],
    ['a percent sign is no wildcard', '%', []],
    ['an underscore taken as what it is', '_', ['100% Real']],
    ['a backslash is no escape', '\\', []],
    ['only from the beginning', 'ller', []],
  ])('by %s: %s', async (_, name, expected) => {
    expect(await search({ name })).toEqual(expected);
  });

  test('by phone however it is written, and all who share it', async () => {
    expect(await search({ phone: '+1 (212) 555-0100' })).toEqual(['Álvarez', 'Müller']);
    expect(await search({ phone: '+12125550101' })).toEqual(["O'Brien"]);
    expect(await search({ phone: '+12125550102' })).toEqual([]);
  });

  test('by e-mail address whatever its case', async () => {
    expect(await search({ email: 'JOSE@PATIENTS.EXAMPLE' })).toEqual(['Álvarez']);
    expect(await search({ email: 'jos@patients.example' })).toEqual([]);
  });

  test('by birth date', async () => {
    expect(await search({ birthDate: '1990-05-17' })).toEqual(['Álvarez', "O'Brien"]);
  });

  test('by all that is given together', async () => {
    expect(await search({ birthDate: '1990-05-17', phone: '+12125550101' })).toEqual(["O'Brien"]);
    expect(await search({ name: 'Jos', phone: '+12125550101' })).toEqual([]);
    expect(await search({ name: 'Jos', birthDate: '1988-01-02', phone: '+12125550100' })).toEqual(['Müller']);
  });

  test('as they are now: under a new phone and name, and not under the old ones', async () => {
    const { body } = await app.send<Found>('POST', '/v1/patients/search', { name: 'Zoë' });
    await app.send('PATCH', `/v1/patients/${body.items[0]?.id}`, { familyName: 'Šimić', phone: '+12125550177', version: 1 });
    expect(await search({ name: 'simic' })).toEqual(['Šimić']);
    expect(await search({ phone: '+12125550177' })).toEqual(['Šimić']);
    expect(await search({ name: 'van der' })).toEqual([]);
    await app.send('PATCH', `/v1/patients/${body.items[0]?.id}`, { phone: null, version: 2 });
    expect(await search({ phone: '+12125550177' })).toEqual([]);
  });

  test('page after page', async () => {
    const first = (await app.send<Found>('POST', '/v1/patients/search', { name: 'o', limit: 1 })).body;
    const second = (await app.send<Found>('POST', '/v1/patients/search', { name: 'o', limit: 1, cursor: first.nextCursor })).body;
    expect([first, second].map(({ items }) => items.map(({ familyName }) => familyName))).toEqual([["O'Brien"], ['O’Brien-Łuk']]);
    expect(second.nextCursor).toBeNull();
  });
});

test('a search that asks for nothing is refused', async () => {
  const { status, body } = await app.send<ProblemDocument>('POST', '/v1/patients/search', {});
  expect([status, body.errors?.[0]?.pointer]).toEqual([400, '/name']);
});

test('lists are in the order of names as people read them, whatever case and accents', async () => {
  const { body } = await app.get<Found>('/v1/patients');
  expect(body.items.map(({ familyName }) => familyName)).toEqual([
    '100% Real',
    'Álvarez',
    'Müller',
    "O'Brien",
    'O’Brien-Łuk',
    'van der Straße',
    '山田',
  ]);
});

test('names are found by their index, though row-level security stands before the rows', async () => {
  const clinic = await aClinic(t.database);
  const plan = await arrange(t.database, clinic, async (tx) => {
    await tx.$executeRaw`INSERT INTO patient (organization_id, id, given_name, family_name)
      SELECT ${clinic.organizationId}::uuid, gen_random_uuid(), 'Given' || n, 'Family' || n FROM generate_series(1, 3000) n`;
    // Who may not own the table may not analyze it; what was inserted is known to the planner all the same.
    return tx.$queryRaw<{ 'QUERY PLAN': string }[]>`EXPLAIN SELECT 1 FROM patient WHERE organization_id = ${clinic.organizationId}::uuid
      AND family_name_key >= app.name_key('Family17') AND family_name_key < app.name_key('Family17') || chr(1114111)`;
  });
  expect(plan.map((row) => row['QUERY PLAN']).find((line) => line.includes('Index Cond'))).toContain('family_name_key >=');
});
