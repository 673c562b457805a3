import type { ProblemDocument } from '@medspa/contracts';
import { aClinic, createTestDatabase, footprintOf, NOW, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { badBodies, badFields, badParameters, type BadInput } from '../../test/bad-input.ts';
import { testApp, type TestApp } from '../../test/harness.ts';
import { OPERATIONS, validRequests, type ValidRequest } from '../../test/requests.ts';

let t: TestDatabase;
let app: TestApp;
let requests: Map<string, ValidRequest>;
beforeAll(async () => {
  t = await createTestDatabase();
  const clinic = await aClinic(t.database);
  app = testApp(t.database, { as: clinic, now: () => NOW });
  requests = await validRequests(t.database, clinic);
});
afterAll(() => t.drop());

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

describe('API3, ASVS 15.3.3, 15.3.6: bad input is refused with its place, and nothing is written:', () => {
  const spoilable = [...OPERATIONS].filter(([, call]) => call.requestBody ?? call.parameters);
  test.each(spoilable)('%s', async (name) => {
    const request = requests.get(name) as ValidRequest;
    const before = await footprintOf(t);
    expect(await sendAll([...badBodies(request), ...badFields(request), ...badParameters(request)])).toEqual([]);
    expect(await footprintOf(t)).toEqual(before);
  });
});

test('the requests that were spoiled are good as they are: each operation accepts its own', async () => {
  for (const { call, method, path, body } of requests.values()) {
    const { status, text } = await app.send(method, path, body);
    expect(status, `${call.anchor} ${text}`).toBeLessThan(300);
  }
});
