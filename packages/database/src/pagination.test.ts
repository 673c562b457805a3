import { randomUUID } from 'node:crypto';
import { aClinic, arrange, createTestDatabase, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { insertRows } from './batch.ts';
import { keyset, MAX_PAGE, toPage, type PageRequest } from './pagination.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

async function aClinicWith(names: string[]): Promise<Clinic> {
  const clinic = await aClinic(t.database);
  await arrange(t.database, clinic, async (tx) => {
    await insertRows(tx, 'patient', names.map(patientRow(clinic)));
  });
  return clinic;
}

const patientRow =
  ({ organizationId }: Clinic) =>
  (name: string) => ({
    organization_id: organizationId,
    id: randomUUID(),
    given_name: 'Ann',
    family_name: name,
    is_active: true,
    version: 1,
    created_at: new Date(),
  });

async function pageOf(clinic: Clinic, page: PageRequest) {
  const { organizationId } = clinic;
  const rows = await arrange(t.database, clinic, (tx) =>
    tx.patient.findMany({
      where: { organizationId },
      orderBy: [{ familyName: 'asc' }, { givenName: 'asc' }, { id: 'asc' }],
      select: { id: true, familyName: true },
      ...keyset(page, organizationId),
    }),
  );
  return toPage(rows, page);
}

async function allPages(clinic: Clinic, limit: number): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await pageOf(clinic, { limit, cursor });
    pages.push(page.items.map(({ familyName }) => familyName));
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
  return pages;
}

describe('a page of a list', () => {
  test('leads to the next one until every row was given once, in order, equal names included', async () => {
    const clinic = await aClinicWith(['C', 'A', 'B', 'B', 'B', 'D', 'E']);
    expect(await allPages(clinic, 3)).toEqual([['A', 'B', 'B'], ['B', 'C', 'D'], ['E']]);
    expect((await allPages(clinic, 1)).flat()).toEqual(['A', 'B', 'B', 'B', 'C', 'D', 'E']);
  });

  test('has no next one when it ends with the last row', async () => {
    const clinic = await aClinicWith(['A', 'B']);
    expect((await pageOf(clinic, { limit: 2 })).nextCursor).toBeNull();
    expect(await pageOf(await aClinic(t.database), { limit: 2 })).toEqual({ items: [], nextCursor: null });
  });

  test('goes on after its last row, whatever was written before it meanwhile', async () => {
    const clinic = await aClinicWith(['B', 'D', 'F']);
    const first = await pageOf(clinic, { limit: 2 });
    await arrange(t.database, clinic, async (tx) => {
      await insertRows(tx, 'patient', ['A', 'C', 'E'].map(patientRow(clinic)));
    });
    const second = await pageOf(clinic, { limit: 2, cursor: first.nextCursor ?? '' });
    expect(second.items.map(({ familyName }) => familyName)).toEqual(['E', 'F']);
  });

  test('never holds more than 100 rows, whatever is asked, and never less than one', async () => {
    const clinic = await aClinicWith(Array.from({ length: 130 }, (_, n) => `P${String(n).padStart(3, '0')}`));
    expect(MAX_PAGE).toBe(100);
    expect((await pageOf(clinic, { limit: 1_000_000 })).items).toHaveLength(100);
    expect((await pageOf(clinic, { limit: 0 })).items).toHaveLength(1);
    expect((await pageOf(clinic, { limit: -5 })).items).toHaveLength(1);
    expect((await pageOf(clinic, {})).items).toHaveLength(50);
    expect((await allPages(clinic, 1_000)).map((page) => page.length)).toEqual([100, 30]);
  });

  test("is empty after a row that is not there, or is another organization's", async () => {
    const [clinic, other] = [await aClinicWith(['A', 'B', 'C']), await aClinicWith(['A', 'B', 'C'])];
    const theirs = (await pageOf(other, { limit: 1 })).nextCursor ?? '';
    expect((await pageOf(clinic, { cursor: randomUUID() })).items).toEqual([]);
    expect((await pageOf(clinic, { cursor: theirs })).items).toEqual([]);
  });
});
