import type { ProblemDocument } from '@medspa/contracts';
import { aClinic, arrange, createTestDatabase, NOW, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from '../../../test/harness.ts';

let t: TestDatabase;
let app: TestApp;
/** Texts of the statements that were sent. */
const statements: string[] = [];
beforeAll(async () => {
  t = await createTestDatabase({}, { observer: { queried: (text) => statements.push(text) } });
});
afterAll(() => t.drop());

type Found = {
  items: { id: string; givenName: string; familyName: string; preferredName: string | null; birthDate: string | null }[];
  nextCursor: string | null;
};

const PEOPLE = [
  { givenName: 'José', familyName: 'Álvarez', phone: '+12125550100', email: 'Jose@patients.example', birthDate: '1990-05-17' },
  { givenName: 'Josephine', familyName: 'Müller', preferredName: 'Jo', phone: '+12125550100', birthDate: '1988-01-02' },
  { givenName: 'Søren', familyName: "O'Brien", phone: '+12125550101', email: 'soren@patients.example', birthDate: '1990-05-17' },
  { givenName: 'Anna', familyName: 'O’Brien-Łuk', email: 'anna@patients.example' },
  { givenName: 'Percy', familyName: '100% Real', preferredName: '_dot' },
  { givenName: 'Zoë', familyName: 'van der Straße' },
  { givenName: 'Anna Maria', familyName: 'de la Cruz-Vega', preferredName: 'Annie', birthDate: '1970-07-07' },
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
    ['given and family name', 'Josephine Müller', ['Müller']],
    ['family name first, with a comma', 'Müller, Josephine', ['Müller']],
    ['the beginnings of both', 'jos mül', ['Müller']],
    ['the name that they go by and the family name', 'annie cruz', ['de la Cruz-Vega']],
    ['a later word of a family name', 'cruz', ['de la Cruz-Vega']],
    ['a later word of a given name', 'maria', ['de la Cruz-Vega']],
    ['all words of a long name, in any order', 'de la cruz-vega anna maria', ['de la Cruz-Vega']],
    ['what stands behind a hyphen', 'vega', ['de la Cruz-Vega']],
    ['what stands behind an apostrophe', 'brien', ["O'Brien", 'O’Brien-Łuk']],
    ['such a word without its marks', 'obrien', ["O'Brien", 'O’Brien-Łuk']],
    ['such a word with blanks instead', 'o brien anna', ['O’Brien-Łuk']],
    ['only whom every word fits', 'anna müller', []],
    ['an accent alone is no beginning', '\u0301', []],
  ])('by %s: %s', async (_, name, expected) => {
    expect(await search({ name })).toEqual(expected);
  });

  test('by phone however it is written, and all who share it', async () => {
    for (const phone of ['(212) 555-0100', '212.555.0100', '1 212 555 0100', '2125550100'])
      expect(await search({ phone })).toEqual(['Álvarez', 'Müller']);
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

test('two of one name are told apart by their birth date, in search and list', async () => {
  const twin = { givenName: 'José', familyName: 'Álvarez', birthDate: '1961-03-04' };
  await app.send('POST', '/v1/patients', twin);
  const found = (await app.send<Found>('POST', '/v1/patients/search', { name: 'álvarez josé' })).body;
  const listed = (await app.get<Found>('/v1/patients')).body;
  for (const { items } of [found, listed])
    expect(items.filter(({ familyName }) => familyName === 'Álvarez').map(({ birthDate }) => birthDate)).toEqual([
      '1990-05-17',
      '1961-03-04',
    ]);
  expect(listed.items.find(({ familyName }) => familyName === '山田')?.birthDate).toBeNull();
});

test('a number that no country of the organization has is refused', async () => {
  for (const phone of ['555-0100', '020 7946 0018', '000 000 0000']) {
    const { status, body } = await app.send<ProblemDocument>('POST', '/v1/patients/search', { phone });
    expect([status, body.slug, body.errors?.[0]?.pointer], phone).toEqual([400, 'invalid-request', '/phone']);
  }
});

test('a national number is read in the countries of the locations, the first one first', async () => {
  const legalEntityId = (await app.get<{ items: { id: string }[] }>('/v1/legal-entities')).body.items[0]?.id;
  await app.send('POST', '/v1/locations', { legalEntityId, name: 'Mayfair', timeZone: 'Europe/London', country: 'GB' });
  for (const [said, phone] of [
    ['020 7946 0018', '+442079460018'],
    ['+44 (0)20 7946 0018', '+442079460018'],
    ['(212) 555-0177', '+12125550177'],
  ]) {
    const { body } = await app.send<{ id: string; phone: string }>('POST', '/v1/patients', {
      givenName: 'Pip',
      familyName: 'Penn',
      phone: said,
    });
    expect(body.phone).toBe(phone);
    const changed = await app.send<{ phone: string }>('PATCH', `/v1/patients/${body.id}`, { phone: said, version: 1 });
    expect(changed.body.phone).toBe(phone);
  }
  const { status, body } = await app.send<ProblemDocument>('POST', '/v1/patients', { givenName: 'P', familyName: 'P', phone: '555-0100' });
  expect([status, body.errors?.[0]?.pointer]).toEqual([400, '/phone']);
});

test.each([' , ', 'a b c d e f g h i j k l m'])('a name of no words, or of more than a name has, is refused: %s', async (name) => {
  const { status, body } = await app.send<ProblemDocument>('POST', '/v1/patients/search', { name });
  expect([status, body.errors?.[0]?.pointer]).toEqual([400, '/name']);
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
    'de la Cruz-Vega',
    'Müller',
    "O'Brien",
    'O’Brien-Łuk',
    'van der Straße',
    '山田',
  ]);
});

describe('names are found by their index, though row-level security stands before the rows:', () => {
  // What the service sends, as the runtime role, among three thousand others whose names begin alike.
  test.each([
    ['one word', { name: 'Fam1742' }],
    ['two words in any order', { name: 'fam1742, given17' }],
    ['a later word', { name: 'cruz1742' }],
  ])('%s', async (_, by) => {
    const clinic = await aClinic(t.database);
    await arrange(
      t.database,
      clinic,
      (tx) => tx.$executeRaw`INSERT INTO patient (organization_id, id, given_name, family_name)
        SELECT ${clinic.organizationId}::uuid, gen_random_uuid(), 'Given' || n, 'Fam' || n || ' de la Cruz' || n FROM generate_series(1, 3000) n`,
    );
    await t.look('ANALYZE patient, patient_name_word');
    statements.length = 0;
    const { body } = await testApp(t.database, { as: clinic, now: () => NOW }).send<Found>('POST', '/v1/patients/search', by);
    expect(body.items.map(({ givenName }) => givenName)).toEqual(['Given1742']);
    const sent = statements.find((text) => text.includes('FROM patient WHERE'));
    const plan = await arrange(t.database, clinic, async (tx) => {
      const words = by.name.split(/[ ,]+/).flatMap((word) => [clinic.organizationId, word, word, word]);
      const rows = await tx.$queryRawUnsafe<{ 'QUERY PLAN': string }[]>(
        `EXPLAIN (ANALYZE, TIMING OFF) ${sent}`,
        clinic.organizationId,
        ...words,
        51,
      );
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    });
    expect(plan).toMatch(/patient_name_word_pkey.*\n(.*\n)?.*Index Cond: .*word >= /);
    expect(plan).not.toMatch(/Seq Scan|Rows Removed by Filter: \d{3}/);
  });
});
