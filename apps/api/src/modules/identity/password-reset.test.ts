import { randomUUID } from 'node:crypto';
import type { PasskeyRequest, PasswordReset, ProblemDocument } from '@medspa/contracts';
import { createTestDatabase, NOW, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aDevice } from '../../../test/authenticator.ts';
import { addPasskey, anOwner, aSecuredOwner, fromBase32, PASSWORD, type Owner, leave } from '../../../test/browser.ts';
import { RELYING_PARTY } from '../../../test/harness.ts';
import { API_URL, jobCtx, startPost, type Post } from '../../../test/messages.ts';
import { totpCode, totpStep } from '../../platform/totp.ts';
import { identityJobs } from './jobs.ts';

let t: TestDatabase;
let post: Post;
let isMailDown = false;
beforeAll(async () => {
  t = await createTestDatabase();
  post = await startPost({
    received: () => {
      if (isMailDown) throw new Error('not now');
    },
  });
});
afterAll(async () => {
  await post.stop();
  await t.drop();
});

const NEXT = 'another slow green harbour';
type Reply = PasswordReset & ProblemDocument & { isAsked: boolean };

const aClock = () => {
  const clock = {
    at: NOW,
    now: () => clock.at,
    pass: (minutes: number) => void (clock.at = new Date(clock.at.getTime() + minutes * 60_000)),
  };
  return clock;
};

/** Somebody who forgot their password, and the queue. */
async function open<Person extends Owner>(make: (options: { now: () => Date }) => Promise<Person>) {
  const clock = aClock();
  const person = await make(clock);
  const ask = (email = person.email, more: object = {}) => person.app.send<Reply>('POST', '/v1/password-resets', { email, ...more });
  /** In the order in which they came; the mailbox has the last one first. */
  const links = () =>
    post
      .to(person.email)
      .toReversed()
      .map(({ body }) => {
        const [, organizationId, token] = /\/reset-password#([0-9a-f-]{36})\.([\w-]{43})$/m.exec(body) ?? [];
        return { organizationId, token };
      });
  const choose = (given: object = {}, link: object | undefined = links().at(-1)) =>
    person.app.send<Reply>('POST', '/v1/password-resets/confirmation', { ...link, password: NEXT, ...given });
  const signIn = (password: string, more: object = {}) =>
    person.browser().send('POST', '/v1/session', { email: person.email, password, ...more });
  return { ...person, clock, ask, links, choose, signIn, work: () => runJobs(clock.now()) };
}

const openBare = () => open((options) => anOwner(t, options));
const openSecured = () => open((options) => aSecuredOwner(t, options));

/** Takes what was asked for off the queue and does it, as the queue does. */
async function runJobs(now: Date, parts = { mail: post.senders.email, apiUrl: API_URL }): Promise<number> {
  const send = identityJobs(parts).find(({ name }) => name === 'send-password-reset');
  const due = await t.look<{ payload: object }>(
    `DELETE FROM graphile_worker._private_jobs p USING graphile_worker.jobs j WHERE j.id = p.id AND j.task_identifier = 'send-password-reset' RETURNING p.payload`,
  );
  for (const { payload } of due) await send?.run(jobCtx(t, '00000000-0000-0000-0000-000000000000', now), payload);
  return due.length;
}

describe('AUT-7: a link to a new password', () => {
  test('goes out by e-mail, changes the password, and signs nobody in', async () => {
    const { ask, work, choose, signIn, email, links, organizationId } = await openBare();
    const asked = await ask(email.toUpperCase());
    expect([asked.status, asked.body]).toEqual([202, { isAsked: true }]);
    await work();
    const [mail] = post.to(email);
    expect(mail).toMatchObject({ title: 'A new password', from: 'desk@clinic.example' });
    expect(mail?.body).toContain('Hello Olive,');
    expect(mail?.body).toContain('Harbor Aesthetics');
    // Nothing of it is in a path or a query, which logs, proxies and other sites get to see.
    const url = new URL(/http\S+/.exec(mail?.body ?? '')?.[0] ?? '');
    expect([url.origin, url.pathname, url.search]).toEqual([API_URL, '/reset-password', '']);
    expect(links()[0]?.organizationId).toBe(organizationId);
    const { status, headers, body } = await choose();
    expect([status, headers.get('set-cookie')]).toEqual([200, null]);
    expect(body).toEqual({ sessionsEnded: 0, hasAuthenticatorApp: false, passkeys: [], recoveryCodesLeft: 0 });
    expect([(await signIn(PASSWORD)).status, (await signIn(NEXT)).status]).toEqual([401, 201]);
  });

  test('works once, also when many use it at the same moment', async () => {
    const { ask, work, choose } = await openBare();
    await ask();
    await work();
    const answers = await Promise.all(Array.from({ length: 4 }, () => choose()));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403, 403, 403]);
    expect((await choose()).body.slug).toBe('reset-refused');
  });

  test('works for half an hour', async () => {
    const { ask, work, choose, clock } = await openBare();
    await ask();
    await work();
    clock.pass(30);
    expect((await choose()).body.slug).toBe('reset-refused');
    await ask();
    await work();
    clock.pass(29);
    expect((await choose()).status).toBe(200);
  });

  test('that is newer ends the one before', async () => {
    const { ask, work, choose, links } = await openBare();
    for (let round = 0; round < 2; round++) {
      await ask();
      await work();
    }
    const [first, second] = links();
    expect((await choose({}, first)).body.slug).toBe('reset-refused');
    expect((await choose({}, second)).status).toBe(200);
  });

  test('is known to the database by its hash alone, and to the audit log as well', async () => {
    const { ask, work, links, staffId } = await openBare();
    await ask();
    await work();
    const { token = '' } = links()[0] ?? {};
    const [stored] = await t.look<{ text: string }>(
      `SELECT (SELECT string_agg(r::text, ' ') FROM staff_reset r) || (SELECT string_agg(l::text, ' ') FROM audit_log l)
         || coalesce((SELECT string_agg(j::text, ' ') FROM graphile_worker._private_jobs j), '') AS text`,
    );
    expect(stored?.text).toContain(staffId);
    for (const form of [token, Buffer.from(token).toString('hex'), Buffer.from(token, 'base64url').toString('hex')])
      expect(stored?.text).not.toContain(form);
    const rows = await t.look(`SELECT FROM staff_reset WHERE staff_id = $1 AND token_hash = sha256($2::text::bytea)`, [staffId, token]);
    expect(rows).toHaveLength(1);
  });

  test('ends every session, opens an address that waits, and lists what else signs in', async () => {
    const { ask, work, choose, signedIn, signIn, recoveryCodes } = await openSecured();
    await addPasskey(signedIn, aDevice(RELYING_PARTY.origins[0] ?? ''), 'Key');
    for (let guess = 0; guess < 4; guess++) await signIn('not the password at all');
    await ask();
    await work();
    const { status, body } = await choose({ code: recoveryCodes[0] });
    expect([status, body]).toMatchObject([
      200,
      { sessionsEnded: 1, hasAuthenticatorApp: false, recoveryCodesLeft: 9, passkeys: [{ name: 'Phone' }, { name: 'Key' }] },
    ]);
    expect((await signedIn.send('GET', '/v1/session')).status).toBe(401);
    for (let guess = 0; guess < 4; guess++) expect((await signIn('not the password at all')).body.slug).toBe('wrong-credentials');
    expect((await signIn(NEXT, { code: recoveryCodes[1] })).status).toBe(201);
  });

  test('takes a password by the same rules as everywhere, and is not used up by one that breaks them', async () => {
    const { ask, work, choose, email } = await openBare();
    await ask();
    await work();
    for (const [password, slug] of [
      ['harvest moon 4', 'password-too-short'],
      ['1qaz2wsx3edc4rfv', 'password-too-common'],
      [email, 'password-too-common'],
    ]) {
      const { status, body } = await choose({ password });
      expect([status, body.slug, body.errors?.[0]?.pointer], password).toEqual([422, slug, '/password']);
    }
    expect((await choose()).status).toBe(200);
  });

  test('is nobody’s once the password or the address changed, or its person left', async () => {
    const changes: ((person: Awaited<ReturnType<typeof openSecured>>) => Promise<{ status: number }>)[] = [
      ({ signedIn }) => signedIn.send('PUT', '/v1/session/password', { password: 'a third slow green harbour' }),
      ({ signedIn, staffId }) => signedIn.send('PATCH', `/v1/staff/${staffId}`, { email: `${randomUUID()}@clinic.example`, version: 1 }),
      leave,
    ];
    for (const change of changes) {
      const person = await openSecured();
      await person.ask();
      await person.work();
      expect((await change(person)).status).toBe(200);
      expect((await person.choose({ code: person.recoveryCodes[0] })).body.slug).toBe('reset-refused');
    }
  });

  test('is not sent to somebody who left', async () => {
    const owner = await openSecured();
    const { ask, work, email } = owner;
    expect((await leave(owner)).status).toBe(200);
    expect((await ask()).status).toBe(202);
    expect(await work()).toBe(1);
    expect(post.to(email)).toEqual([]);
  });

  test('of another organization, or made up, is none', async () => {
    const [mine, theirs] = [await openBare(), await openBare()];
    await mine.ask();
    await mine.work();
    const [link] = mine.links();
    for (const wrong of [
      { ...link, organizationId: theirs.organizationId },
      { ...link, token: 'A'.repeat(43) },
      { ...link, organizationId: randomUUID() },
    ]) {
      expect((await mine.choose({}, wrong)).body.slug).toBe('reset-refused');
      expect((await mine.app.send<Reply>('POST', '/v1/password-resets/passkey-options', wrong)).body.slug).toBe('reset-refused');
    }
  });

  test('goes to one of the two organizations that somebody works for once they name it', async () => {
    const [one, other] = [await openSecured(), await openSecured()];
    expect((await other.signedIn.send('PATCH', `/v1/staff/${other.staffId}`, { email: one.email, version: 1 })).status).toBe(200);
    await one.ask();
    await one.work();
    expect(one.links()).toEqual([]);
    await one.ask(one.email, { organizationId: other.organizationId });
    await one.work();
    expect(one.links().map(({ organizationId }) => organizationId)).toEqual([other.organizationId]);
  });
});

describe('AUT-7, ASVS 6.4.3: a second factor', () => {
  test('is asked for before the new password holds: a recovery code, each of which works once', async () => {
    const { ask, work, choose, signIn, recoveryCodes } = await openSecured();
    await ask();
    await work();
    const bare = await choose();
    expect([bare.status, bare.body.slug]).toEqual([401, 'second-factor-required']);
    expect((await choose({ code: '000000' })).body.slug).toBe('wrong-credentials');
    expect((await choose({ code: 'AAAA-BBBB-CCCC-DDDD' })).body.slug).toBe('wrong-credentials');
    expect((await signIn(NEXT, { code: recoveryCodes[1] })).status).toBe(401);
    expect((await choose({ code: recoveryCodes[0] })).status).toBe(200);
    expect((await signIn(NEXT, { code: recoveryCodes[0] })).status).toBe(401);
    expect((await signIn(NEXT, { code: recoveryCodes[2] })).status).toBe(201);
  });

  test('may be the code of the app, which works once', async () => {
    const { ask, work, choose, signedIn, signIn, clock } = await openSecured();
    const { body } = await signedIn.send<{ secret: string }>('POST', '/v1/session/totp');
    const code = (steps = 0) => totpCode(fromBase32(body.secret), totpStep(clock.now()) + steps);
    expect((await signedIn.send('POST', '/v1/session/totp/confirmation', { code: code(-1) })).status).toBe(200);
    await ask();
    await work();
    expect((await choose({ code: code(-1) })).body.slug).toBe('wrong-credentials');
    expect((await choose({ code: code() })).body).toMatchObject({ hasAuthenticatorApp: true });
    expect((await signIn(NEXT, { code: code() })).status).toBe(401);
    expect((await signIn(NEXT, { code: code(1) })).status).toBe(201);
  });

  test('may be a passkey, for a challenge of this link', async () => {
    const { app, ask, work, choose, links, device, browser } = await openSecured();
    await ask();
    await work();
    const { body: options } = await app.send<PasskeyRequest>('POST', '/v1/password-resets/passkey-options', links()[0]);
    const { body: ofSignIn } = await browser().send<PasskeyRequest>('POST', '/v1/session/passkey/options');
    expect((await choose({ passkey: device.get(ofSignIn) })).body.slug).toBe('passkey-refused');
    expect((await choose({ passkey: device.get(options) })).status).toBe(200);
  });

  test('of somebody else is none', async () => {
    const [mine, theirs] = [await openSecured(), await openSecured()];
    await mine.ask();
    await mine.work();
    const { body: options } = await mine.app.send<PasskeyRequest>('POST', '/v1/password-resets/passkey-options', mine.links()[0]);
    expect((await mine.choose({ passkey: theirs.device.get(options) })).body.slug).toBe('passkey-refused');
    expect((await mine.choose({ code: theirs.recoveryCodes[0] })).body.slug).toBe('wrong-credentials');
  });

  test('that is guessed counts like a wrong password (AUT-3)', async () => {
    const { ask, work, choose, recoveryCodes } = await openSecured();
    await ask();
    await work();
    const guesses = await Promise.all(Array.from({ length: 20 }, () => choose({ code: '000000' })));
    expect(guesses.filter(({ body }) => body.slug === 'wrong-credentials')).toHaveLength(5);
    const paused = await choose({ code: recoveryCodes[0] });
    expect([paused.status, paused.body.slug]).toEqual([429, 'sign-in-paused']);
  });
});

describe('AUT-7: asking for a link', () => {
  test('is answered alike for an address that nobody has, and does the same', async () => {
    const { ask, email, work } = await openBare();
    const nobody = `nobody-${randomUUID()}@clinic.example`;
    const [known, unknown] = [await ask(email), await ask(nobody)];
    const bare = ({ status, text, headers }: typeof known) => [status, text, [...headers].filter(([name]) => name !== 'x-request-id')];
    expect(bare(unknown)).toEqual(bare(known));
    // Who has it is found out by the job alone: until then the same is written for both.
    expect(await work()).toBe(2);
    expect([post.to(email).length, post.to(nobody).length]).toEqual([1, 0]);
  });

  test('is let through three times an hour for an address, whether anybody has it or not', async () => {
    const { ask, email, clock } = await openBare();
    for (const address of [email, `nobody-${randomUUID()}@clinic.example`]) {
      const answers = await Promise.all(Array.from({ length: 12 }, () => ask(address)));
      expect(answers.filter(({ status }) => status === 202)).toHaveLength(3);
      clock.pass(59);
      const paused = await ask(address);
      expect([paused.status, paused.body.slug, paused.body.retryAfterSeconds]).toEqual([429, 'reset-paused', 60]);
      expect(paused.headers.get('retry-after')).toBe('60');
      clock.pass(1);
      expect((await ask(address)).status).toBe(202);
    }
  });

  test('is tried again when the mail server does not take it, with a link that works', async () => {
    const { ask, work, choose } = await openBare();
    await ask();
    isMailDown = true;
    await expect(work()).rejects.toThrow('not taken');
    isMailDown = false;
    await ask();
    await work();
    expect((await choose()).status).toBe(200);
  });

  test('long ago, or where nobody carries e-mail, sends nothing', async () => {
    const { ask, work, clock, email, staffId } = await openBare();
    await ask();
    await runJobs(clock.now(), { mail: null, apiUrl: API_URL });
    await ask();
    clock.pass(31);
    await work();
    expect(post.to(email)).toEqual([]);
    expect(await t.look('SELECT FROM staff_reset WHERE staff_id = $1', [staffId])).toEqual([]);
  });
});

test.each([
  ['/reset-password', '/reset-password/reset.js'],
  ['/invitation', '/invitation/invitation.js'],
])('AUT-7: the page of a link is the same for everybody, asks its own service alone, and is kept by nobody: %s', async (path, script) => {
  const { app } = await anOwner(t);
  const page = await app.get<string>(path);
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'.*connect-src 'self'.*frame-ancestors 'none'$/);
  expect([page.headers.get('cache-control'), page.headers.get('referrer-policy')]).toEqual(['no-store', 'no-referrer']);
  for (const [part, type] of [
    [script, 'text/javascript'],
    ['/reset-password/style.css', 'text/css'],
  ] as const) {
    expect(page.text).toContain(`"${part}"`);
    expect((await app.get(part)).headers.get('content-type')).toContain(type);
  }
});
