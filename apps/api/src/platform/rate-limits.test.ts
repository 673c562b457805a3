import type { ProblemDocument } from '@medspa/contracts';
import { createCodec } from '@medspa/database';
import { aClinic, createTestDatabase, footprintOf, NOW, testWrapping, type TestDatabase } from '@medspa/testing';
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aBrowser, anOwner, PASSWORD } from '../../test/browser.ts';
import { Hono } from 'hono';
import { testApp, type TestApp } from '../../test/harness.ts';
import { createBreaker } from './breaker.ts';
import { ANYBODY, NO_ORGANIZATION, type Ctx } from './context.ts';
import type { AppEnv } from './http.ts';
import { Problem } from './problem.ts';
import { limited, Turns, type Pace } from './rate-limits.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const GUESSES = 30;
/** Two hundred at once are a queue, and on a busy machine a long one. */
const patient = () => createBreaker({ waitMillis: 30_000 });
const anyAddress = () => Array.from({ length: 4 }, () => randomInt(1, 255)).join('.');
/** Addresses of one household's network. */
const ofOneNetwork = () => {
  const prefix = `2001:db8:${randomInt(65_536).toString(16)}:${randomInt(65_536).toString(16)}`;
  return () => `${prefix}:${Array.from({ length: 4 }, () => randomInt(65_536).toString(16)).join(':')}`;
};

/** Wrong passwords for as many addresses, all at once: how often each answer came. */
async function guess(apps: TestApp[], count = 200, headers: () => Record<string, string> = () => ({})) {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      aBrowser(apps[index % apps.length] as TestApp).send(
        'POST',
        '/v1/session',
        { email: `${randomUUID()}@clinic.example`, password: 'not the password at all' },
        headers(),
      ),
    ),
  );
  const slugs = Object.groupBy(answers, ({ body }) => body.slug);
  return Object.fromEntries(Object.entries(slugs).map(([slug, all]) => [slug, all?.length]));
}

describe('AUT-3: of two hundred wrong passwords at once, for as many accounts,', () => {
  const EXPECTED = { 'wrong-credentials': GUESSES, 'too-many-requests': 200 - GUESSES };
  const from = (address: () => string, trustedProxies = 0) =>
    testApp(t.database, {
      as: 'session',
      now: () => NOW,
      from: address,
      config: { trustedProxies },
      breaker: patient(),
      httpMillis: 30_000,
    });

  test('those of one IPv4 address are tried to its limit', async () => {
    const address = anyAddress();
    expect(await guess([from(() => address)])).toEqual(EXPECTED);
    // Written in the other family it is the same one.
    expect(await guess([from(() => `::ffff:${address}`)], 1)).toEqual({ 'too-many-requests': 1 });
  });

  test('those of rotating addresses of one /64 are tried to its limit', async () => {
    expect(await guess([from(ofOneNetwork())])).toEqual(EXPECTED);
  });

  test('those that come to several processes are tried to one limit', async () => {
    const address = anyAddress();
    expect(await guess([from(() => address), from(() => address), from(() => address)])).toEqual(EXPECTED);
  });

  test('those that say to come from elsewhere are tried to the limit of where they come from', async () => {
    const address = anyAddress();
    const apps = [from(() => address), from(() => '10.0.0.1', 1)];
    const spoofed = () => ({ 'x-forwarded-for': anyAddress(), 'x-real-ip': anyAddress(), forwarded: `for=${anyAddress()}` });
    expect(await guess([apps[0] as TestApp], 100, spoofed)).toEqual({ 'wrong-credentials': GUESSES, 'too-many-requests': 70 });
    expect(await guess([apps[0] as TestApp], 1, spoofed)).toEqual({ 'too-many-requests': 1 });
    // Behind a proxy that writes the same address the bucket is the same, whatever stands before it.
    for (const lie of [anyAddress(), '::1', 'junk', `${anyAddress()}, ${anyAddress()}`, '127.0.0.1:80'])
      expect(await guess([apps[1] as TestApp], 1, () => ({ 'x-forwarded-for': `${lie}, ${address}` }))).toEqual({ 'too-many-requests': 1 });
  });

  test('those of other networks are not held up', async () => {
    const prefix = anyAddress();
    await guess([from(() => prefix)], GUESSES + 1);
    expect(await guess([from(anyAddress)], 5)).toEqual({ 'wrong-credentials': 5 });
    expect(await guess([from(() => ofOneNetwork()())], 5)).toEqual({ 'wrong-credentials': 5 });
  });
});

describe('AUT-3: whoever is over the limit', () => {
  test('is told when to come again, and is let in then', async () => {
    const clock = { now: NOW };
    const address = anyAddress();
    const app = testApp(t.database, { as: 'session', now: () => clock.now, from: () => address });
    await guess([app], GUESSES);
    const { status, headers, body } = await aBrowser(app).send('POST', '/v1/session', { email: 'a@b.example', password: PASSWORD });
    expect([status, body.slug, body.retryAfterSeconds, headers.get('retry-after')]).toEqual([429, 'too-many-requests', 30, '30']);
    expect((await app.metrics.render()).text).toContain('http_problems_total{slug="too-many-requests",route="/v1/session"} 1');
    clock.now = new Date(NOW.getTime() + 30_000);
    expect(await guess([app], 2)).toEqual({ 'wrong-credentials': 1, 'too-many-requests': 1 });
  });

  test('has not signed in: the right password does not count, also before its second factor', async () => {
    const address = anyAddress();
    const { app, email, browser } = await anOwner(t, { now: () => NOW, from: () => address });
    for (let time = 0; time < GUESSES + 5; time++)
      expect((await browser().send('POST', '/v1/session', { email, password: PASSWORD })).status).toBe(201);
    expect(await guess([app], GUESSES + 1)).toEqual({ 'wrong-credentials': GUESSES, 'too-many-requests': 1 });
  });

  test('cannot set up either, and the table knows no address', async () => {
    const address = anyAddress();
    const app = testApp(t.database, { as: 'session', now: () => NOW, from: () => address });
    const person = { givenName: 'Olive', familyName: 'Owner', organizationName: 'Harbor', email: 'o@harbor.example', password: PASSWORD };
    const setUp = () => app.send<ProblemDocument>('POST', '/v1/setup', { ...person, code: 'A'.repeat(26) });
    const answers = await Promise.all(Array.from({ length: GUESSES + 3 }, setUp));
    expect(answers.filter(({ body }) => body.slug === 'too-many-requests')).toHaveLength(3);
    const rows = await t.look<{ row: string }>('SELECT r::text AS row FROM rate_limit r');
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.some(({ row }) => row.includes(address))).toBe(false);
  });

  test('is forgotten an hour after the limit is whole again, and not before', async () => {
    const keys = [randomBytes(16), randomBytes(16)];
    await t.look(`INSERT INTO rate_limit VALUES ($1, now() - interval '61 minutes'), ($2, now() - interval '59 minutes')`, keys);
    const session = JSON.stringify({ organizationId: randomUUID(), actorId: randomUUID(), actorKind: 'job', now: NOW });
    await t.look('SELECT app.drop_idle_limits($1::jsonb, 5000)', [session]);
    const left = await t.look<{ key: Buffer }>('SELECT network_key AS key FROM rate_limit WHERE network_key = ANY ($1)', [keys]);
    expect(left.map(({ key }) => key.toString('hex'))).toEqual([keys[1]?.toString('hex')]);
  });
});

test('API6: what sends something to whoever is named counts, however it ends', async () => {
  const ctx: Ctx = {
    database: t.database,
    codec: createCodec(t.database, testWrapping),
    breaker: createBreaker().policy,
    organizationId: NO_ORGANIZATION,
    actor: ANYBODY,
    requestId: 'test',
    now: () => NOW,
  };
  await ctx.codec.prepare(NO_ORGANIZATION);
  const app = new Hono<AppEnv>()
    .use(async (c, next) => {
      c.set('ctx', ctx);
      c.set('network', c.req.query('network') ?? '');
      await next();
    })
    .post('/', limited('message'), (c) => c.body(null, 202))
    .onError((error, c) => c.body(null, (error as Problem).status as 429));
  const ask = async (network: string) => (await app.request(`/?network=${network}`, { method: 'POST' })).status;
  const statuses = await Promise.all(Array.from({ length: 12 }, () => ask('198.51.100.9')));
  expect(statuses.toSorted((a, b) => a - b)).toEqual([...Array.from({ length: 10 }, () => 202), 429, 429]);
  expect(await ask('198.51.100.10')).toBe(202);
});

describe('API4, API6, ASVS 2.4.1: one person', () => {
  const CLASSES = [
    ['read', 'GET', '/v1/organization', undefined, 300],
    ['write', 'POST', '/v1/patients/0199e6ea-ea18-7e88-85e1-078829b56df3/relations', {}, 100],
    ['search', 'POST', '/v1/patients/search', { name: 'pat' }, 60],
    ['bulk', 'POST', '/v1/patients/import', {}, 20],
  ] as const;

  test.each(CLASSES)('has a share of each class: %s', async (_, method, path, body, burst) => {
    const clinic = await aClinic(t.database);
    const app = testApp(t.database, { as: clinic, config: { rateLimitFactor: 1 } });
    const send = () => app.send<ProblemDocument>(method, path, body);
    // The first request of an organization makes its keys.
    await testApp(t.database, { as: clinic }).get('/v1/organization');
    const before = await footprintOf(t);
    const answers = await Promise.all(Array.from({ length: burst }, send));
    expect(answers.filter(({ status }) => status === 429)).toEqual([]);
    // More come in the time that they took.
    const over = await Promise.all(Array.from({ length: burst * 2 }, send));
    const refused = over.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers, body: said } of refused) {
      expect([said.slug, headers.get('content-type')]).toEqual(['too-many-requests', 'application/problem+json']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    // Of another class there is still some.
    const other = await (method === 'GET' ? app.send('POST', '/v1/patients/search', { name: 'pat' }) : app.get('/v1/organization'));
    expect(other.status).toBe(200);
    const written = (await footprintOf(t)).filter((table, index) => JSON.stringify(table) !== JSON.stringify(before[index]));
    expect(written.filter((table) => !/access_log/.test(JSON.stringify(table)))).toEqual([]);
  });

  test('is counted apart from another behind the same address', async () => {
    const [one, other] = [await aClinic(t.database), await aClinic(t.database)];
    const appOf = (as: typeof one) => testApp(t.database, { as, config: { rateLimitFactor: 0.1 }, from: () => '198.51.100.7' });
    const [app, otherApp] = [appOf(one), appOf(other)];
    const search = (by: TestApp) => by.send('POST', '/v1/patients/search', { name: 'pat' });
    const statuses = [];
    for (let time = 0; time < 7; time++) statuses.push((await search(app)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429]);
    expect((await search(otherApp)).status).toBe(200);
  });
});

describe('API4: one network', () => {
  test('has a share of a process, before anybody is looked for', async () => {
    let asked = 0;
    const network = ofOneNetwork();
    const database = { ...t.database, callFunction: () => Promise.reject(new Error(`asked ${asked++}`)) };
    const app = testApp(database, { as: 'session', config: { rateLimitFactor: 0.1 }, from: network });
    const answers = await Promise.all(Array.from({ length: 400 }, () => app.get<ProblemDocument>('/v1/organization')));
    const refused = answers.filter(({ body }) => body.slug === 'too-many-requests').length;
    expect(refused).toBeGreaterThan(100);
    expect(answers.filter(({ body }) => body.slug === 'not-authenticated')).toHaveLength(400 - refused);
    expect(asked).toBe(0);
  });

  test('is not asked to wait by health, which a load balancer asks for', async () => {
    const app = testApp(t.database, { as: null, config: { rateLimitFactor: 0.1 }, from: () => '198.51.100.8' });
    const answers = await Promise.all(Array.from({ length: 500 }, () => app.get('/health/live')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
  });
});

describe('turns', () => {
  const aPace = fc.record({ burst: fc.integer({ min: 1, max: 20 }), everyMillis: fc.integer({ min: 1, max: 5_000 }) });
  const arrivals = fc.array(fc.integer({ min: 0, max: 4_000 }), { minLength: 1, maxLength: 60 });

  test('are never more than the burst and one each so often, in any stretch of time, and waiting as told is enough', () => {
    fc.assert(
      fc.property(aPace, arrivals, (pace, gaps) => {
        const clock = { now: 0 };
        const turns = new Turns(() => clock.now);
        const taken: number[] = [];
        for (const gap of gaps) {
          clock.now += gap;
          const wait = turns.take('a', pace);
          clock.now += wait;
          expect(wait === 0 ? 0 : turns.take('a', pace)).toBe(0);
          taken.push(clock.now);
        }
        for (const [first, since] of taken.entries())
          for (const [more, until] of taken.slice(first).entries())
            expect(more + 1).toBeLessThanOrEqual(pace.burst + (until - since) / pace.everyMillis);
      }),
    );
  });

  test('are the same in the database and in memory', async () => {
    await fc.assert(
      fc.asyncProperty(aPace, arrivals, async (pace: Pace, gaps) => {
        const clock = { now: NOW.getTime() };
        const turns = new Turns(() => clock.now);
        const key = randomBytes(16);
        for (const gap of gaps) {
          clock.now += gap;
          const session = JSON.stringify({ now: new Date(clock.now) });
          const [row] = await t.look<{ wait: number }>('SELECT app.take_turn($1::jsonb, $2, $3, make_interval(secs => $4)) AS wait', [
            session,
            key,
            pace.burst,
            pace.everyMillis / 1_000,
          ]);
          expect(row?.wait).toBe(turns.take('a', pace));
        }
      }),
      { numRuns: 25 },
    );
  });

  test('are remembered of so many callers, the latest', () => {
    const pace = { burst: 2, everyMillis: 60_000 };
    const turns = new Turns(() => 0);
    const takeOf = (count: number) => turns.take(`caller ${count}`, pace);
    for (let count = 0; count <= 50_000; count++) takeOf(count);
    // The last one's second turn is the last; the first one was forgotten and begins anew.
    expect([takeOf(50_000), takeOf(50_000)]).toEqual([0, 60_000]);
    expect([takeOf(0), takeOf(0), takeOf(0)]).toEqual([0, 0, 60_000]);
  });
});
