import type { ProblemDocument } from '@medspa/contracts';
import { aClinic, createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { badBodies, badFields, badParameters, type BadInput } from '../../test/bad-input.ts';
import { testApp, type TestApp } from '../../test/harness.ts';
import { REQUEST_TIME, validRequests, type ValidRequest } from '../../test/requests.ts';
import { openApiDocument } from '../app.ts';
import { callsOf } from './documentation/openapi.ts';

let t: TestDatabase;
let app: TestApp;
let requests: Map<string, ValidRequest>;
beforeAll(async () => {
  t = await createTestDatabase();
  const clinic = await aClinic(t.database);
  app = testApp(t.database, { as: clinic, now: () => REQUEST_TIME });
  requests = new Map((await validRequests(app, t.database, clinic)).map((request) => [request.call.anchor, request]));
});
afterAll(() => t.drop());

const calls = callsOf(openApiDocument(''));
const requestOf = (anchor: string) => {
  const request = requests.get(anchor);
  if (!request) throw new Error(`There is no request for ${anchor}.`);
  return request;
};

/** How many rows there are, in every table of ours and of the queue. */
async function countRows(): Promise<string> {
  const tables = await t.look<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('public', 'graphile_worker') ORDER BY 1`,
  );
  const counts = await t.look<{ name: string; count: number }>(
    tables.map(({ name }) => `SELECT '${name}' AS name, count(*)::int AS count FROM ${name}`).join(' UNION ALL '),
  );
  return JSON.stringify(counts);
}

/** Sends bad inputs one by one, and says of which the answer is not a problem that names the place, soon and briefly. */
async function sendAll(inputs: BadInput[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const { name, method, path, body, headers, expected } of inputs) {
    const since = performance.now();
    const answer = await app.send<ProblemDocument>(method, path, body, headers);
    const isGood =
      answer.status === expected.status &&
      answer.headers.get('content-type') === 'application/problem+json' &&
      answer.body.errors?.some((error) => `${error.in} ${error.pointer}` === expected.place) &&
      answer.text.length < 20_000 &&
      performance.now() - since < 5_000;
    if (!isGood) wrong.push(`${name}: ${expected.status} ${expected.place} expected; ${answer.status} ${answer.text.slice(0, 300)}`);
  }
  return wrong;
}

describe('bad input is refused with its place, and nothing is written:', () => {
  const spoilable = calls.filter((call) => call.requestBody ?? call.parameters);
  test.each(spoilable.map((call) => [`${call.method} ${call.path}`, call.anchor] as const))('%s', async (_name, anchor) => {
    const request = requestOf(anchor);
    const before = await countRows();
    expect(await sendAll([...badBodies(request), ...badFields(request), ...badParameters(request)])).toEqual([]);
    expect(await countRows()).toBe(before);
  });
});

test('the requests that were spoiled are good as they are: each operation accepts its own', async () => {
  for (const { call, method, path, body } of requests.values()) {
    const { status, text } = await app.send(method, path, body);
    expect(status, `${call.anchor} ${text}`).toBeLessThan(300);
  }
});
