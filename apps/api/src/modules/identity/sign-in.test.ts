import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ProblemDocument, SignInSession } from '@medspa/contracts';
import { issueSetupCode } from '@medspa/database/migrate';
import { connect, createTestDatabase, eventually, footprintOf, NOW, sessionIn, testCodec, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aBrowser, aColleague, anOwner, aSecuredOwner, aSignedInOwner, PASSWORD, type Browser } from '../../../test/browser.ts';
import { testApp } from '../../../test/harness.ts';
import { OPERATIONS, SIGN_IN_OPERATIONS } from '../../../test/requests.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const MINUTE = 60_000;
const clockAt = (start = NOW) => {
  const clock = {
    at: start,
    now: () => clock.at,
    pass: (minutes: number) => void (clock.at = new Date(clock.at.getTime() + minutes * MINUTE)),
  };
  return clock;
};
const tokenOf = (browser: Browser) => browser.cookie?.split('.').at(-1) ?? '';
const everythingStored = async () => {
  const tables = await t.look<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`,
  );
  const texts = await Promise.all(
    tables.map(async ({ name }) => {
      const [row] = await t.look<{ text: string | null }>(`SELECT string_agg(r::text, ' ') AS text FROM ${name} r`);
      return row?.text ?? '';
    }),
  );
  return texts.join(' ');
};

describe('AUT-8: the first person', () => {
  const person = { organizationName: 'Harbor', givenName: 'Olive', familyName: 'Owner', email: 'olive@first.example', password: PASSWORD };
  const anybody = () => testApp(t.database, { as: 'session' });

  test('makes an organization with the code of the operator, and signs in', async () => {
    const { signedIn, organizationId, staffId } = await aSignedInOwner(t);
    const { status, body } = await signedIn.send('GET', '/v1/session');
    expect([status, body]).toMatchObject([200, { organizationId, staffId, organizationName: 'Harbor Aesthetics', hasSecondFactor: false }]);
    const written = await t.look(
      `SELECT DISTINCT actor_id, action, table_name FROM audit_log WHERE organization_id = $1 AND action = 'organization.set-up' ORDER BY 3`,
      [organizationId],
    );
    expect(written).toEqual(
      ['data_key', 'organization', 'staff', 'staff_account', 'staff_role'].map((table) => ({
        actor_id: staffId,
        action: 'organization.set-up',
        table_name: table,
      })),
    );
  });

  test('needs a code, and there is none before the operator makes one', async () => {
    const before = await footprintOf(t);
    const answer = await anybody().send<ProblemDocument>('POST', '/v1/setup', { ...person, code: 'A'.repeat(26) });
    expect([answer.status, answer.body.slug]).toEqual([403, 'setup-code-refused']);
    expect(await footprintOf(t)).toEqual(before);
  });

  test('has no keys made without a code: that may be a paid call to a key service', async () => {
    const codec = { ...testCodec(t.database), begin: () => Promise.reject(new Error('Keys were made.')) };
    const answer = await testApp(t.database, { as: 'session', codec }).send('POST', '/v1/setup', { ...person, code: 'A'.repeat(26) });
    expect(answer.status).toBe(403);
  });

  test('is one: of ten at once with the same code one is', async () => {
    const code = await issueSetupCode(t.owner);
    const app = anybody();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => app.send('POST', '/v1/setup', { ...person, email: `first-${index}@race.example`, code })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, ...Array.from({ length: 9 }, () => 403)]);
  });

  test('has a day, and an earlier code is void once there is a later one', async () => {
    const code = await issueSetupCode(t.owner);
    const tomorrow = testApp(t.database, { as: 'session', now: () => new Date(Date.now() + 25 * 60 * MINUTE) });
    expect((await tomorrow.send('POST', '/v1/setup', { ...person, code })).status).toBe(403);
    await issueSetupCode(t.owner);
    expect((await anybody().send('POST', '/v1/setup', { ...person, code })).status).toBe(403);
  });

  test('AUT-2, ASVS 6.2.8, ASVS 6.2.9: chooses a password that is long and not common, before anything is made', async () => {
    const code = await issueSetupCode(t.owner);
    for (const [password, slug] of [
      ['harvest moon 4', 'password-too-short'],
      ['1qaz2wsx3edc4rfv', 'password-too-common'],
      ['olive@first.example', 'password-too-common'],
      ['x', 'password-too-short'],
    ]) {
      const { status, body } = await anybody().send<ProblemDocument>('POST', '/v1/setup', { ...person, password, code });
      expect([status, body.slug, body.errors?.[0]?.pointer], password).toEqual([422, slug, '/password']);
    }
    // Blanks, capitals and dashes of the code do not matter; a long password counts to its last letter.
    const long = `${'slow green harbour morning '.repeat(9)}a`;
    const made = await anybody().send('POST', '/v1/setup', {
      ...person,
      password: long,
      code: ` ${code.toLowerCase().replaceAll('-', ' ')}`,
    });
    expect(made.status).toBe(201);
    const tryIt = (password: string) => aBrowser(anybody()).send('POST', '/v1/session', { email: 'Olive@First.example', password });
    expect([(await tryIt(long.slice(0, -1))).status, (await tryIt(long)).status]).toEqual([401, 201]);
  });
});

describe('AUT-1: a password', () => {
  test('is kept as argon2id of 19 MiB and two passes over a hash with our key, and nowhere as it was typed', async () => {
    const { staffId } = await anOwner(t);
    const [row] = await t.look<{ password_hash: string }>('SELECT password_hash FROM staff_secret WHERE staff_id = $1', [staffId]);
    expect(row?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    const { verify } = await import('@node-rs/argon2');
    expect(await verify(row?.password_hash ?? '', PASSWORD)).toBe(false);
    const stored = await everythingStored();
    expect(stored).toContain(staffId);
    expect(stored).not.toContain(PASSWORD);
    // No hash in the log, which is kept for years.
    const log = await t.look<{ text: string }>(`SELECT string_agg(l::text, ' ') AS text FROM audit_log l`);
    expect(log[0]?.text).not.toContain('argon2id');
  });

  test('whose hash was cheaper is hashed anew when its person signs in', async () => {
    const { staffId, email, browser } = await anOwner(t);
    const { hash } = await import('@node-rs/argon2');
    const { keyedPassword } = await import('./service/prove.ts');
    const [account] = await t.look<{ organization_id: string }>('SELECT organization_id FROM staff_account WHERE staff_id = $1', [staffId]);
    const organizationId = account?.organization_id ?? '';
    const codec = testCodec(t.database);
    await codec.prepare(organizationId);
    const keyed = keyedPassword({ codec, organizationId }, PASSWORD);
    const cheap = await hash(keyed, { memoryCost: 8_192, timeCost: 1, parallelism: 1 });
    await t.look('UPDATE staff_secret SET password_hash = $2 WHERE staff_id = $1', [staffId, cheap]);
    expect((await browser().send('POST', '/v1/session', { email, password: PASSWORD })).status).toBe(201);
    const [row] = await t.look<{ password_hash: string }>('SELECT password_hash FROM staff_secret WHERE staff_id = $1', [staffId]);
    expect(row?.password_hash).toContain('m=19456,t=2');
    expect((await browser().send('POST', '/v1/session', { email, password: PASSWORD })).status).toBe(201);
  });

  test('ASVS 6.2.10: does not run out', async () => {
    const clock = clockAt();
    const { email, browser } = await anOwner(t, { now: clock.now });
    clock.pass(10 * 365 * 24 * 60);
    expect((await browser().send('POST', '/v1/session', { email, password: PASSWORD })).status).toBe(201);
  });

  test('of somebody who left, of nobody, and a wrong one get the same answer', async () => {
    const { email, browser } = await anOwner(t);
    const owner = await aSecuredOwner(t);
    const gone = await aColleague(owner, { role: 'manager' });
    expect((await owner.signedIn.send('POST', `/v1/staff/${gone.staffId}/off-boarding`)).status).toBe(200);
    const answers = [
      await browser().send('POST', '/v1/session', { email: gone.email, password: PASSWORD }),
      await browser().send('POST', '/v1/session', { email: 'nobody@clinic.example', password: PASSWORD }),
      await browser().send('POST', '/v1/session', { email, password: 'something else entirely' }),
    ];
    const bare = answers.map(({ status, text, headers }) => [status, text.replace(/"requestId":"[^"]+"/, ''), headers.get('set-cookie')]);
    expect(new Set(bare.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(bare[0]?.[0]).toBe(401);
  });
});

test('AUT-2, ASVS 6.2.4, ASVS 6.2.12: the list of common passwords is read offline and has tens of thousands', async () => {
  const { isCommonPassword } = await import('../../platform/passwords.ts');
  for (const word of ['password1', 'PassWord1', 'iloveyou1', '1qaz2wsx3edc4rfv', 'trustno1'])
    expect(isCommonPassword(word), word).toBe(true);
  expect(isCommonPassword(PASSWORD)).toBe(false);
  const source = readFileSync(new URL('../../platform/passwords.ts', import.meta.url), 'utf8');
  expect(source).not.toContain('fetch');
});

describe('AUT-6: a session', () => {
  test('is a cookie that no script reads and no other site sends, over TLS only, for this host only', async () => {
    const { email, browser } = await anOwner(t);
    const { headers, text } = await browser().send('POST', '/v1/session', { email, password: PASSWORD });
    expect(headers.get('set-cookie')).toMatch(/^__Host-session=[0-9a-f-]{36}\.[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
    expect(text).not.toContain(headers.get('set-cookie')?.split(';')[0]?.split('.')[1]);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('ASVS 11.5.1: has a token of 256 bits that the database knows only by its hash', async () => {
    const { signedIn } = await aSignedInOwner(t);
    const token = tokenOf(signedIn);
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const stored = await everythingStored();
    expect(stored).toContain(createHash('sha256').update(token).digest('hex'));
    for (const form of [token, Buffer.from(token, 'base64url').toString('hex'), Buffer.from(token).toString('hex')])
      expect(stored).not.toContain(form);
  });

  test('is new with each sign-in, and the one that the browser had ends', async () => {
    const { signedIn, email } = await aSignedInOwner(t);
    const [first, old] = [tokenOf(signedIn), signedIn.cookie];
    await signedIn.send('POST', '/v1/session', { email, password: PASSWORD });
    expect(tokenOf(signedIn)).not.toBe(first);
    expect((await signedIn.send('GET', '/v1/session')).status).toBe(200);
    signedIn.cookie = old;
    expect((await signedIn.send('GET', '/v1/session')).status).toBe(401);
  });

  test('ends fifteen minutes after its last use, and twelve hours after it began (HIP-4)', async () => {
    const clock = clockAt();
    const { signedIn } = await aSecuredOwner(t, { now: clock.now });
    const look = async () => (await signedIn.send('GET', '/v1/organization')).status;
    clock.pass(14.9);
    expect(await look()).toBe(200);
    clock.pass(14.9);
    expect(await look()).toBe(200);
    clock.pass(15);
    expect(await look()).toBe(401);

    const long = clockAt();
    const busy = await aSecuredOwner(t, { now: long.now });
    const work = async () => (await busy.signedIn.send('GET', '/v1/organization')).status;
    for (let minutes = 10; minutes < 720; minutes += 10) {
      long.pass(10);
      expect(await work(), `${minutes} min`).toBe(200);
    }
    long.pass(10);
    expect(await work()).toBe(401);
  });

  test('that is altered, of another organization, or given twice is none', async () => {
    const [mine, theirs] = [await aSignedInOwner(t), await aSignedInOwner(t)];
    const cookie = mine.signedIn.cookie ?? '';
    const flipped = cookie.slice(0, -2) + (cookie.endsWith('A') ? 'BB' : 'AA');
    for (const forged of [
      flipped,
      cookie.replace(mine.organizationId, theirs.organizationId),
      `${cookie}; ${theirs.signedIn.cookie}`,
      cookie.replace('__Host-', ''),
      '__Host-session=',
      `__Host-session=${mine.organizationId}.`,
      `__Host-session=' OR 1=1 --`,
    ]) {
      const { status, body } = await aBrowser(mine.app, forged).send('GET', '/v1/session');
      expect([status, body.slug], forged).toEqual([401, 'not-authenticated']);
    }
    expect((await mine.signedIn.send('GET', '/v1/session')).status).toBe(200);
  });

  test('ASVS 7.4.2: of somebody who is off-boarded ends with it', async () => {
    const owner = await aSecuredOwner(t);
    const { signedIn, staffId } = await aColleague(owner, { role: 'manager' });
    expect((await owner.signedIn.send('POST', `/v1/staff/${staffId}/off-boarding`)).status).toBe(200);
    expect((await signedIn.send('GET', '/v1/organization')).status).toBe(401);
    expect(await t.look('SELECT FROM staff_session WHERE staff_id = $1', [staffId])).toEqual([]);
  });

  test('follows its person to another e-mail address', async () => {
    const { signedIn, staffId, email, browser, recoveryCodes } = await aSecuredOwner(t);
    const moved = email.replace('owner', 'new');
    expect((await signedIn.send('PATCH', `/v1/staff/${staffId}`, { email: moved, version: 1 })).status).toBe(200);
    expect((await signedIn.send('GET', '/v1/session')).status).toBe(200);
    const given = { password: PASSWORD, code: recoveryCodes[0] };
    expect((await browser().send('POST', '/v1/session', { ...given, email })).status).toBe(401);
    expect((await browser().send('POST', '/v1/session', { ...given, email: moved })).status).toBe(201);
  });

  test('HIP-6, ASVS 16.3.1: is in the audit log when it begins and when it ends, and so is each attempt', async () => {
    const { signedIn, organizationId, email, browser } = await aSignedInOwner(t);
    await browser().send('POST', '/v1/session', { email, password: 'something else entirely' });
    await signedIn.send('DELETE', '/v1/session');
    const log = await t.look(
      `SELECT actor_kind, action, operation FROM audit_log WHERE organization_id = $1 AND action LIKE 'session.%' ORDER BY id`,
      [organizationId],
    );
    expect(log).toEqual([
      { actor_kind: 'anybody', action: 'session.try', operation: 'update' },
      { actor_kind: 'staff', action: 'session.begin', operation: 'insert' },
      { actor_kind: 'anybody', action: 'session.try', operation: 'update' },
      { actor_kind: 'staff', action: 'session.end', operation: 'delete' },
    ]);
  });
});

describe('sessions of a person', () => {
  type List = { items: SignInSession[] };

  test('are listed by browser and system, and ended one by one or all but this', async () => {
    const { signedIn, email, browser } = await aSignedInOwner(t);
    const others = [browser(), browser(), browser()];
    for (const other of others) await other.send('POST', '/v1/session', { email, password: PASSWORD });
    const { items } = (await signedIn.send<List>('GET', '/v1/sessions')).body;
    expect(items).toHaveLength(4);
    expect(items.map(({ isCurrent }) => isCurrent)).toEqual([false, false, false, true]);
    expect(new Set(items.map(({ device }) => device))).toEqual(new Set(['Firefox, Linux']));
    expect((await signedIn.send('DELETE', `/v1/sessions/${items[0]?.id}`)).body).toEqual({ ended: 1 });
    expect((await others[2]?.send('GET', '/v1/session'))?.status).toBe(401);
    const page = async (query: string) => (await signedIn.send<List>('GET', `/v1/sessions${query}`)).body.items.map(({ id }) => id);
    const left = items.slice(1).map(({ id }) => id);
    expect([await page(''), await page('?limit=1'), await page(`?cursor=${left[0]}`)]).toEqual([left, left.slice(0, 1), left.slice(1)]);
    expect((await signedIn.send('DELETE', '/v1/sessions')).body).toEqual({ ended: 2 });
    expect(await page('')).toEqual(left.slice(2));
    for (const other of others) expect((await other.send('GET', '/v1/session')).status).toBe(401);
    expect((await signedIn.send('GET', '/v1/session')).status).toBe(200);
  });

  test("are nobody else's: another's is not there", async () => {
    const [mine, theirs] = [await aSignedInOwner(t), await aSignedInOwner(t)];
    const { body } = await theirs.signedIn.send('GET', '/v1/session');
    const { status, body: refused } = await mine.signedIn.send('DELETE', `/v1/sessions/${body.session?.id}`);
    expect([status, refused.slug]).toEqual([404, 'not-found']);
    expect((await theirs.signedIn.send('GET', '/v1/session')).status).toBe(200);
  });
});

test('WEB-5, ASVS 14.3.1: whoever signs out takes the session back, and the browser forgets what it kept', async () => {
  const { signedIn } = await aSignedInOwner(t);
  const { cookie } = signedIn;
  const { status, headers, body } = await signedIn.send('DELETE', '/v1/session');
  expect([status, body]).toEqual([200, { isSignedIn: false }]);
  expect(headers.get('clear-site-data')).toBe('"cache", "cookies", "storage"');
  expect(headers.get('set-cookie')).toMatch(/^__Host-session=; Max-Age=0; Path=\/; Secure/);
  signedIn.cookie = cookie;
  expect((await signedIn.send('GET', '/v1/session')).status).toBe(401);
});

describe('whoever has no session', () => {
  const open = new Set([
    'POST /v1/setup',
    'POST /v1/session',
    'POST /v1/device',
    'POST /v1/session/passkey/options',
    'POST /v1/session/passkey',
    'POST /v1/session/provider',
    'POST /v1/session/provider/return',
    'POST /v1/session/firebase',
    'POST /v1/invitations/acceptance',
    'POST /v1/password-resets',
    'POST /v1/password-resets/passkey-options',
    'POST /v1/password-resets/confirmation',
  ]);
  const closed = [...SIGN_IN_OPERATIONS].filter(([name]) => !open.has(name));

  test('finds those open that lead to one, and no other', () => {
    const said = [...OPERATIONS, ...SIGN_IN_OPERATIONS].flatMap(([name, call]) =>
      call['x-permission'] === 'account:sign-in' ? [name] : [],
    );
    expect(said.toSorted()).toEqual([...open].toSorted());
    expect(closed.length).toBeGreaterThan(15);
  });

  test.each(closed)('is refused, and nothing is written: %s', async (_, call) => {
    const { app } = await anOwner(t);
    const before = await footprintOf(t);
    const path = call.path.replace('{id}', crypto.randomUUID());
    const { status, body } = await aBrowser(app).send(call.method.toUpperCase(), path, call.requestBody ? {} : undefined);
    expect([status, body.slug]).toEqual([401, 'not-authenticated']);
    expect(await footprintOf(t)).toEqual(before);
  });

  test.each(['/v1/session/', '//v1/session', '/v1//session', '/v1/%73ession', '/V1/session', '/v1/session/../organization', '/v1/setup/x'])(
    'gets no further by a path like that of sign-in: %s',
    async (path) => {
      const { app } = await anOwner(t);
      const { status } = await app.send('POST', path, { email: 'a@b.example', password: PASSWORD });
      expect([401, 404, 405]).toContain(status);
    },
  );
});

test.each([
  ['its password changed', `UPDATE staff_account SET password_changed_at = password_changed_at + interval '1 second'`],
  ['a second factor was added', `UPDATE staff_secret SET totp_sealed = '\\x01'`],
])('AUT-7: a password that was right lets nobody in where meanwhile %s', async (_, statement) => {
  const { staffId, organizationId, email, browser, signedIn } = await aSignedInOwner(t);
  const late = browser();
  const client = await connect(t.admin);
  try {
    // As whoever changes it: the row of the secret is theirs until they commit.
    await client.query('BEGIN');
    await client.query('SELECT app.enter($1::jsonb)', [JSON.stringify(sessionIn(organizationId, staffId))]);
    await client.query('SELECT FROM staff_secret WHERE staff_id = $1 FOR UPDATE', [staffId]);
    const attempt = late.send('POST', '/v1/session', { email, password: PASSWORD });
    await eventually('the password was right, and what it lets in to waits', async () => {
      const waits = await t.look(
        `SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()`,
      );
      return waits.length > 0;
    });
    await client.query(`${statement} WHERE staff_id = '${staffId}'`);
    await client.query('COMMIT');
    expect((await attempt).body.slug).toBe('wrong-credentials');
    expect((await late.send('GET', '/v1/session')).status).toBe(401);
    expect((await signedIn.send('GET', '/v1/session')).status).toBe(200);
  } finally {
    await client.end();
  }
});
