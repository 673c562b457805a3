import { permissionsOf, ROLES, type ProblemDocument, type Role } from '@medspa/contracts';
import { aClinic, createTestDatabase, NOW, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openApiDocument } from '../src/app.ts';
import { successOf, type Schema } from '../src/platform/documentation/openapi.ts';
import { testApp } from './harness.ts';
import { OPERATIONS, requestOf, validRequests, type ValidRequest } from './requests.ts';

// HIP-10, minimum necessary: the keys of every answer, by role. They are read off real answers, compared with what the document
// promises each role, and kept in views.txt: a key that appears there, or that somebody else gets, is a decision that a reviewer
// sees. `vitest run views -u` writes the file anew.

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const { components } = openApiDocument('');

/** The keys of an answer, such as `items[].id`. */
function keysOf(value: unknown, at = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((entry) => keysOf(entry, `${at}[]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const place = at === '' ? key : `${at}.${key}`;
    return [place, ...keysOf(inner, place)];
  });
}

/** The keys that the document promises whoever holds these permissions, as far as the answer has objects to hold them. */
function promisedOf(schema: Schema, value: unknown, held: ReadonlySet<string>, at = ''): string[] {
  const known = schema.$ref ? (components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}) : schema;
  if (Array.isArray(value)) return value.flatMap((entry) => promisedOf(known.items ?? {}, entry, held, `${at}[]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(known.properties ?? {}).flatMap(([key, field]) => {
    const permission = field['x-permission'];
    if (permission === undefined ? !known.required?.includes(key) && !(key in value) : !held.has(permission)) return [];
    const place = at === '' ? key : `${at}.${key}`;
    return [place, ...promisedOf(field, (value as Record<string, unknown>)[key], held, place)];
  });
}

const unique = (keys: string[]) => [...new Set(keys)].toSorted();

/** Requests whose answers have rows: first pages, the day of the visits, a name that somebody has. */
function telling(name: string, { call, ...parts }: ValidRequest): ValidRequest {
  const { cursor: _cursor, before: _before, ...query } = parts.query;
  const day = new Date(NOW.getTime() + 86_400_000).toISOString().slice(0, 10);
  return requestOf(call, {
    ...parts,
    query: name === 'GET /v1/locations/{id}/day' ? { date: day } : query,
    body: name === 'POST /v1/patients/search' ? { name: 'paula' } : parts.body,
  });
}

/** The body without what these pointers lead to. */
function without(body: unknown, pointers: string[]): unknown {
  const rest = structuredClone(body);
  for (const pointer of pointers) {
    const keys = pointer.split('/').slice(1);
    const last = keys.pop() ?? '';
    delete keys.reduce((node, key) => node[key] as Record<string, unknown>, rest as Record<string, unknown>)[last];
  }
  return rest;
}

/** What a role is answered: the keys, or how it is refused and where, and then the keys when it leaves that out. */
async function answersTo(role: Role): Promise<Map<string, string>> {
  const clinic: Clinic = await aClinic(t.database);
  const requests = await validRequests(t.database, clinic);
  const permissions = permissionsOf(role, 'everywhere');
  const app = testApp(t.database, { as: { ...clinic, permissions }, now: () => NOW });
  const answers = new Map<string, string>();
  for (const [name, call] of OPERATIONS) {
    const { method, path, body } = telling(name, requests.get(name) as ValidRequest);
    let answer = await app.send<ProblemDocument>(method, path, body);
    let refusal = '';
    if (answer.status >= 400) {
      const pointers = (answer.body.errors ?? []).map(({ pointer }) => pointer);
      refusal = [answer.body.slug, ...pointers].join(' ');
      if (pointers.length > 0) answer = await app.send<ProblemDocument>(method, path, without(body, pointers));
    }
    if (answer.status >= 400) {
      answers.set(name, refusal);
      continue;
    }
    const keys = unique(keysOf(answer.body));
    expect(keys, `${role}: ${name}`).toEqual(unique(promisedOf(successOf(call).schema ?? {}, answer.body, new Set(permissions))));
    answers.set(name, [...(refusal === '' ? [] : [`${refusal}; without:`]), ...keys].join(' '));
  }
  return answers;
}

describe('HIP-10: of every operation', () => {
  const byRole = new Map<Role, Map<string, string>>();

  test.each(ROLES)('the %s is answered what the document promises that role', async (role) => {
    byRole.set(role, await answersTo(role));
    expect(byRole.get(role)?.size).toBe(OPERATIONS.size);
  });

  test('each role is answered exactly the keys of views.txt', async () => {
    const table = [...OPERATIONS.keys()].map((name) => {
      const groups = Map.groupBy(ROLES, (role) => byRole.get(role)?.get(name) ?? '');
      return [name, ...[...groups].map(([answer, roles]) => `  ${roles.join(', ')}: ${answer}`)].join('\n');
    });
    await expect(`${table.join('\n\n')}\n`).toMatchFileSnapshot('views.txt');
  });
});
