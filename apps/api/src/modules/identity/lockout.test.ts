import { createTestDatabase, NOW, runAs, sessionIn, type TestDatabase } from '@medspa/testing';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aBrowser, anOwner, PASSWORD, type Owner } from '../../../test/browser.ts';
import { createBreaker } from '../../platform/breaker.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

/** An owner whose clock the test sets. */
async function open() {
  const clock = { now: NOW };
  // Two hundred at once are a queue, and on a busy machine a long one.
  const owner = await anOwner(t, { now: () => clock.now, breaker: createBreaker({ waitMillis: 30_000 }), httpMillis: 30_000 });
  const wait = (seconds: number) => {
    clock.now = new Date(clock.now.getTime() + seconds * 1_000);
  };
  return { owner, wait, guess: (email = owner.email, password = 'not the password at all') => tryWith(owner, email, password) };
}

async function tryWith({ app }: Owner, email: string, password: string) {
  const { status, body, headers } = await aBrowser(app).send('POST', '/v1/session', { email, password });
  return { status, slug: body.slug, retryAfterSeconds: body.retryAfterSeconds, header: headers.get('retry-after') };
}

describe('AUT-3, API-2: after wrong passwords in a row', () => {
  test('the next one waits: from the fifth on twice as long each time, from the tenth on a quarter of an hour', async () => {
    const { wait, guess } = await open();
    for (let failure = 1; failure < 5; failure++) expect((await guess()).slug).toBe('wrong-credentials');
    for (const seconds of [1, 2, 4, 8, 16, 900, 900, 900]) {
      expect((await guess()).slug).toBe('wrong-credentials');
      expect(await guess()).toEqual({ status: 429, slug: 'sign-in-paused', retryAfterSeconds: seconds, header: String(seconds) });
      wait(seconds);
    }
  });

  test('not even the right one is tried before its time, and is tried then', async () => {
    const { owner, wait, guess } = await open();
    for (let failure = 0; failure < 5; failure++) await guess();
    expect((await guess(owner.email, PASSWORD)).slug).toBe('sign-in-paused');
    wait(1);
    expect((await guess(owner.email, PASSWORD)).status).toBe(201);
    // And counting begins anew.
    for (let failure = 0; failure < 4; failure++) expect((await guess()).slug).toBe('wrong-credentials');
    expect((await guess(owner.email, PASSWORD)).status).toBe(201);
  });

  test('a hundred stop it, also for the right one and after a year, until the operator opens it', async () => {
    const { owner, wait, guess } = await open();
    await guess();
    await t.look('UPDATE sign_in_guard SET failures = 99 WHERE failures = 1 AND failed_at = $1', [NOW]);
    wait(900);
    expect((await guess()).slug).toBe('wrong-credentials');
    wait(365 * 86_400);
    const stopped = await guess(owner.email, PASSWORD);
    expect([stopped.status, stopped.slug]).toEqual([403, 'sign-in-stopped']);
    // What the operator does, as the README has it.
    await runAs(t.owner, 'DELETE FROM sign_in_guard WHERE failures = 100');
    expect((await guess(owner.email, PASSWORD)).status).toBe(201);
  });

  test('an address that nobody has is answered alike, so that waiting tells nothing', async () => {
    const { owner, guess } = await open();
    const nobody = `nobody-${randomUUID()}@clinic.example`;
    for (let failure = 0; failure < 6; failure++) {
      const [known, unknown] = [await guess(owner.email), await guess(nobody)];
      expect(unknown).toEqual(known);
    }
  });

  test('of one person others are not held up', async () => {
    const { guess } = await open();
    for (let failure = 0; failure < 6; failure++) await guess();
    const other = await anOwner(t);
    expect((await tryWith(other, other.email, PASSWORD)).status).toBe(201);
  });
});

test('AUT-3: whoever signs in with the address elsewhere opens nothing: each organization counts by itself', async () => {
  const { owner, guess } = await open();
  const { email } = owner;
  // Another organization has a person with that address, whose password it knows.
  const other = await anOwner(t, { now: () => NOW }, email);
  const there = () => aBrowser(other.app).send('POST', '/v1/session', { email, password: PASSWORD, organizationId: other.organizationId });
  const here = () => aBrowser(owner.app).send('POST', '/v1/session', { email, password: 'a guess', organizationId: owner.organizationId });
  const slugs: (string | undefined)[] = [];
  for (let guesses = 0; guesses < 6; guesses++) {
    slugs.push((await here()).body.slug);
    expect((await there()).status).toBe(201);
  }
  expect(slugs).toEqual([...Array.from({ length: 5 }, () => 'wrong-credentials'), 'sign-in-paused']);
  // Without an organization it is nobody's, and is counted by itself.
  expect((await guess()).slug).toBe('wrong-credentials');
});

test('AUT-3: of two hundred wrong passwords at once five are tried, and each of the five is in the audit log', async () => {
  const { guess, owner } = await open();
  const answers = await Promise.all(Array.from({ length: 200 }, () => guess()));
  const count = (slug: string) => answers.filter((answer) => answer.slug === slug).length;
  expect({ tried: count('wrong-credentials'), paused: count('sign-in-paused') }).toEqual({ tried: 5, paused: 195 });
  const attempts = await t.look(`SELECT FROM audit_log WHERE organization_id = $1 AND action = 'session.try'`, [owner.organizationId]);
  expect(attempts).toHaveLength(5);
}, 30_000);

test('AUT-3: an unknown address takes the time of a known one', async () => {
  const { owner } = await open();
  const taken: { known: number[]; unknown: number[] } = { known: [], unknown: [] };
  for (let round = 0; round < 31; round++) {
    await t.look('UPDATE sign_in_guard SET failures = 0, failed_at = NULL');
    for (const [kind, email] of [
      ['known', owner.email],
      ['unknown', `${randomUUID()}@clinic.example`],
    ] as const) {
      const since = performance.now();
      await tryWith(owner, email, 'not the password at all');
      taken[kind].push(performance.now() - since);
    }
  }
  const [known = 0, unknown = 0] = [taken.known, taken.unknown].map((all) => all.toSorted((a, b) => a - b)[15]);
  // A hash takes longer than all the rest: left out, the ratio would be below a half.
  expect(unknown / known).toBeGreaterThan(0.65);
  expect(unknown / known).toBeLessThan(1.5);
}, 30_000);

test('AUT-3: counters of addresses that nobody has are dropped a day later, those of people stay', async () => {
  const { owner, guess } = await open();
  await guess(`${randomUUID()}@clinic.example`);
  await guess(owner.email);
  await t.look(`UPDATE sign_in_guard SET failed_at = now() - interval '2 days'`);
  const session = JSON.stringify(sessionIn(owner.organizationId, owner.staffId));
  await t.look('SELECT app.drop_idle_guards($1::jsonb, 5000)', [session]);
  const left = await t.look<{ isKnown: boolean }>(
    'SELECT EXISTS (SELECT FROM staff_account a WHERE a.login_key = substring(g.login_key FOR 16)) AS "isKnown" FROM sign_in_guard g',
  );
  expect(left.length).toBeGreaterThan(0);
  expect(left.every(({ isKnown }) => isKnown)).toBe(true);
});
