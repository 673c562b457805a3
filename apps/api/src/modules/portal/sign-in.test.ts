import { createHash } from 'node:crypto';
import { createTestDatabase, NOW, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aBrowser, aSignedInOwner } from '../../../test/browser.ts';
import { messagesOf, startPost, statesOf, type Post } from '../../../test/messages.ts';
import { openPortal, type Portal } from '../../../test/portal.ts';

let t: TestDatabase;
let post: Post;
let portal: Portal;
beforeAll(async () => {
  t = await createTestDatabase();
  post = await startPost();
});
beforeEach(async () => {
  portal = await openPortal(t, post);
});
afterAll(async () => {
  await post.stop();
  await t.drop();
});

/** Everything in every table but the queue's, as text. */
async function everythingStored(): Promise<string> {
  const tables = await t.look<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('public', 'graphile_worker')`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const [row] = await t.look<{ text: string | null }>(`SELECT string_agg(r::text, ' ') AS text FROM ${name} r`);
    texts.push(row?.text ?? '');
  }
  return texts.join('\n');
}

const wrongCode = (right: string) => (right === '11111111' ? '22222222' : '11111111');

/** A patient who asked for a code and was sent it. */
async function asked(changes: object = {}) {
  const patient = await portal.aPatient(changes);
  const { body } = await portal.ask(patient.email);
  await portal.deliver();
  return { patient, signInId: body.id, ...portal.read(patient.email) };
}

describe('a patient signs in', () => {
  test('with the code of an e-mail, by typing it with a blank or without', async () => {
    const { patient, signInId, code } = await asked();
    const { status, body, headers } = await portal.enter(signInId, `${code.slice(0, 4)} ${code.slice(4)}`);
    expect([status, body.patient, body.actsFor]).toEqual([
      201,
      { id: patient.id, givenName: 'Paula', familyName: expect.any(String) as string, preferredName: null },
      [],
    ]);
    expect(headers.get('set-cookie')).toMatch(/^__Host-patient-session=[0-9a-f-]{36}\.[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
  });

  test('with the link, whose token stands behind the # and in no query', async () => {
    const { signInId, token, body } = await asked();
    expect(body).toMatch(/http:\/\/127\.0\.0\.1:8080\/portal\/sign-in#[0-9a-f-]{36}\.[0-9a-f-]{36}\.[\w-]{43}\n/);
    expect(body).not.toContain('?');
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    expect((await portal.enter(signInId, token)).status).toBe(201);
  });

  test('with the code of a text, by the number as it is dialled here', async () => {
    const { phone } = await portal.aPatient();
    const { body } = await portal.ask(`(${phone.slice(2, 5)}) ${phone.slice(5, 8)}-${phone.slice(8)}`);
    await portal.deliver();
    expect((await portal.enter(body.id, portal.read(phone).code)).status).toBe(201);
  });

  test('with a code that went to the address that was asked for, or nowhere: not to one that its patient took meanwhile', async () => {
    const [patient, elsewhere] = [await portal.aPatient(), 'elsewhere@patients.example'];
    await portal.ask(patient.email);
    await portal.deliver(1);
    const { status } = await portal.desk.send('PATCH', `/v1/patients/${patient.id}`, { version: 1, email: elsewhere });
    expect(status).toBe(200);
    await portal.deliver();
    expect([post.to(elsewhere), post.to(patient.email)]).toEqual([[], []]);
    expect(await statesOf(t, patient.id)).toEqual(['email suppressed no-address']);
  });

  test('MSG-2: not by text after STOP, and in the middle of the night all the same', async () => {
    const patient = await portal.aPatient();
    portal.clock.now = new Date('2026-03-03T08:00:00Z');
    await post.texts.write(patient.phone, 'STOP');
    await portal.ask(patient.phone);
    await portal.ask(patient.email);
    await portal.deliver();
    expect(await statesOf(t, patient.id)).toEqual(['email sent', 'sms suppressed opted-out']);
    expect(post.texts.texts.filter(({ to }) => to === patient.phone)).toEqual([]);
  });

  test('HIP-9: by words that say nothing of health and name nobody, and those that an organization publishes must have the code', async () => {
    const { body } = await asked({ givenName: 'Quirina' });
    expect(body).not.toMatch(/Quirina|appointment|treatment/i);
    const words = { kind: 'patient.sign-in', channel: 'sms', body: 'Hello from {{organization.name}}' };
    const refused = await portal.desk.send<{ slug: string; errors: object[] }>('POST', '/v1/message-templates', words);
    expect([refused.status, refused.body.errors]).toMatchObject([
      422,
      [{ pointer: '/body', detail: expect.stringContaining('sign-in.code') as string }],
    ]);
    const named = { ...words, body: '{{patient.name}}: {{sign-in.code}}' };
    expect((await portal.desk.send('POST', '/v1/message-templates', named)).status).toBe(422);
    expect((await portal.desk.send('POST', '/v1/message-templates', { ...words, body: 'Ours: {{sign-in.code}}' })).status).toBe(201);
    const { phone } = await portal.aPatient();
    await portal.ask(phone);
    await portal.deliver();
    expect(portal.read(phone).body).toMatch(/^Ours: \d{8}$/);
  });

  test('not when nobody is active: deceased, or made inactive after the code was sent', async () => {
    const { patient, signInId, code } = await asked();
    await portal.desk.send('PATCH', `/v1/patients/${patient.id}`, { isActive: false, version: patient.version });
    const { status, body } = await portal.enter(signInId, code);
    expect([status, body.slug]).toEqual([401, 'code-refused']);
  });
});

describe('what signs a patient in', () => {
  test('is stored nowhere: not in the message, a job, the audit log, or as a hash of itself', async () => {
    const { patient, signInId, code, token } = await asked();
    const [message] = await messagesOf(t, patient.id);
    const { body } = await portal.desk.get<{ items: { body: string }[] }>(`/v1/patients/${patient.id}/messages`);
    expect(message?.state).toBe('sent');
    expect(body.items[0]?.body).toContain('{{sign-in.code}}');
    const stored = await everythingStored();
    expect(stored).toContain(signInId);
    const forms = [code, token].flatMap((secret) => [
      secret,
      Buffer.from(secret).toString('hex'),
      createHash('sha256').update(secret).digest('hex'),
    ]);
    for (const form of [...forms, Buffer.from(token, 'base64url').toString('hex')]) expect(stored).not.toContain(form);
  });

  test('6.5.5: works for ten minutes', async () => {
    const [late, inTime] = [await asked(), await asked()];
    portal.pass(9.99);
    expect((await portal.enter(inTime.signInId, inTime.code)).status).toBe(201);
    portal.pass(0.01);
    expect((await portal.enter(late.signInId, late.code)).body.slug).toBe('code-refused');
    expect((await portal.enter(late.signInId, late.token)).body.slug).toBe('code-refused');
  });

  test('6.5.1: works once, the link after the code neither', async () => {
    const { signInId, code, token } = await asked();
    expect((await portal.enter(signInId, code)).status).toBe(201);
    expect((await portal.enter(signInId, code)).body.slug).toBe('code-refused');
    expect((await portal.enter(signInId, token)).body.slug).toBe('code-refused');
  });

  test('6.5.1: works once for as many as send it at once', async () => {
    for (let round = 0; round < 5; round++) {
      const { signInId, code, patient } = await asked();
      const answers = await Promise.all(Array.from({ length: 5 }, () => portal.enter(signInId, code)));
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 401, 401, 401, 401]);
      expect(await t.look('SELECT FROM patient_session WHERE patient_id = $1', [patient.id])).toHaveLength(1);
    }
  });

  test('AUT-3: of two hundred wrong guesses at once five are tried, and each of the five is in the audit log', async () => {
    const { signInId, code } = await asked();
    const answers = await Promise.all(Array.from({ length: 200 }, () => portal.enter(signInId, wrongCode(code))));
    // Some may be shed: what counts is that none is let in, and how many were tried.
    expect(answers.map(({ body }) => body.slug).filter((slug) => slug !== 'code-refused' && slug !== 'overloaded')).toEqual([]);
    const tries = await t.look(`SELECT after ->> 'tries' AS tries FROM audit_log WHERE row_id = $1 AND action = 'portal.try' ORDER BY id`, [
      signInId,
    ]);
    expect(tries).toEqual(['1', '2', '3', '4', '5'].map((count) => ({ tries: count })));
    expect((await portal.enter(signInId, code)).body.slug).toBe('code-refused');
  }, 30_000);

  test('is good after four wrong guesses, and not after five', async () => {
    for (const [wrong, status] of [
      [4, 201],
      [5, 401],
    ]) {
      const { signInId, code } = await asked();
      for (let guess = 0; guess < (wrong ?? 0); guess++) await portal.enter(signInId, wrongCode(code));
      expect((await portal.enter(signInId, code)).status).toBe(status);
    }
  });

  test('is of one sign-in and one organization: nobody else’s opens it', async () => {
    const [mine, theirs] = [await asked(), await asked()];
    expect((await portal.enter(mine.signInId, theirs.code)).body.slug).toBe('code-refused');
    expect((await portal.enter(mine.signInId, theirs.token)).body.slug).toBe('code-refused');
    const elsewhere = await openPortal(t, post);
    expect((await elsewhere.enter(mine.signInId, mine.code)).body.slug).toBe('code-refused');
    expect((await portal.enter(mine.signInId, mine.code)).status).toBe(201);
  });
});

describe('AUT-3: an address', () => {
  const bare = ({ status, text, headers }: { status: number; text: string; headers: Headers }) => ({
    status,
    text: text.replace(/"(id|requestId)":"[^"]+"/g, ''),
    headers: [...headers].filter(([name]) => name !== 'x-request-id'),
  });

  test('that nobody has is answered as one that somebody has, asked for and guessed at', async () => {
    const { email } = await portal.aPatient();
    const [known, unknown] = [await portal.ask(email), await portal.ask('nobody@nowhere.example')];
    expect(bare(unknown)).toEqual(bare(known));
    expect(known.status).toBe(202);
    await portal.deliver();
    expect(post.to('nobody@nowhere.example')).toEqual([]);
    const guesses = await Promise.all([known, unknown].map(({ body }) => portal.enter(body.id, wrongCode(portal.read(email).code))));
    expect(bare(guesses[1] as never)).toEqual(bare(guesses[0] as never));
  });

  test('is asked for with the same statements whether or not somebody has it: who does is found out by the job', async () => {
    const { email } = await portal.aPatient();
    const seen: string[][] = [];
    for (const address of [email, 'nobody@nowhere.example']) {
      const before = await t.look<{ table_name: string; action: string }>('SELECT id FROM audit_log');
      await portal.ask(address);
      const after = await t.look<{ table_name: string; action: string }>('SELECT table_name, action FROM audit_log ORDER BY id OFFSET $1', [
        before.length,
      ]);
      seen.push(after.map(({ table_name, action }) => `${table_name} ${action}`));
    }
    expect(seen).toEqual([['patient_sign_in portal.ask'], ['patient_sign_in portal.ask']]);
  });

  test('of nobody takes the time of a known one', async () => {
    const taken: { known: number[]; unknown: number[] } = { known: [], unknown: [] };
    for (let round = 0; round < 31; round++) {
      for (const [kind, address] of [
        ['known', (await portal.aPatient()).email],
        ['unknown', `nobody-${round}@nowhere.example`],
      ] as const) {
        const since = performance.now();
        await portal.ask(address);
        taken[kind].push(performance.now() - since);
      }
    }
    const [known = 0, unknown = 0] = [taken.known, taken.unknown].map((all) => all.toSorted((a, b) => a - b)[15]);
    expect(unknown / known).toBeGreaterThan(0.6);
    expect(unknown / known).toBeLessThan(1.65);
  }, 30_000);

  test('2.4.1: is sent five messages an hour and ten a day, however many ask at once, known or not', async () => {
    const { email } = await portal.aPatient();
    for (const address of [email, 'nobody@nowhere.example']) {
      portal.clock.now = NOW;
      const burst = await Promise.all(Array.from({ length: 40 }, () => portal.ask(address)));
      expect(burst.filter(({ status }) => status === 202)).toHaveLength(5);
      expect(burst.find(({ status }) => status === 429)?.body).toMatchObject({ slug: 'code-paused', retryAfterSeconds: 3_600 });
      portal.pass(60);
      const next = await Promise.all(Array.from({ length: 10 }, () => portal.ask(address)));
      expect(next.filter(({ status }) => status === 202)).toHaveLength(5);
      portal.pass(60);
      const { status, body } = await portal.ask(address);
      expect([status, body.retryAfterSeconds]).toEqual([429, 22 * 3_600]);
      portal.pass(22 * 60);
      expect((await portal.ask(address)).status).toBe(202);
    }
    portal.clock.now = NOW;
    await portal.deliver();
    expect(post.to(email)).toHaveLength(5 + 5 + 1);
  }, 30_000);

  test('of an organization that is not there, and a number that is none, is refused', async () => {
    const send = (body: object) => portal.browser().send('POST', '/v1/portal/sign-ins', body);
    const nowhere = await send({ organizationId: crypto.randomUUID(), address: 'a@b.example' });
    expect([nowhere.status, nowhere.body.errors?.[0]?.pointer]).toEqual([404, '/organizationId']);
    const none = await send({ organizationId: portal.clinic.organizationId, address: '00000' });
    expect([none.status, none.body.errors?.[0]?.pointer]).toEqual([400, '/address']);
  });
});

describe('an address that several patients have', () => {
  const shared = 'both@family.example';

  async function couple(first: object = {}, second: object = {}) {
    const people = [
      await portal.aPatient({ email: shared, birthDate: '1980-05-01', ...first }),
      await portal.aPatient({ email: shared, birthDate: '1982-06-02', ...second }),
    ];
    const { body } = await portal.ask(shared);
    await portal.deliver();
    return { people, signInId: body.id, code: portal.read(shared).code };
  }

  test('gets one message, asks for the birth date, and signs in the one whose it is', async () => {
    const { people, signInId, code } = await couple();
    expect(post.to(shared)).toHaveLength(1);
    const without = await portal.enter(signInId, code);
    expect([without.status, without.body.slug]).toEqual([401, 'birth-date-required']);
    expect(without.text).not.toMatch(/\b2\b/);
    const { status, body } = await portal.enter(signInId, code, { birthDate: '1982-06-02' });
    expect([status, body.patient.id]).toEqual([201, people[1]?.id]);
  });

  test('counts wrong birth dates among the five tries, and a right code without one not', async () => {
    const { signInId, code } = await couple();
    for (let time = 0; time < 8; time++) expect((await portal.enter(signInId, code)).body.slug).toBe('birth-date-required');
    for (let guess = 0; guess < 5; guess++) {
      expect((await portal.enter(signInId, code, { birthDate: `19${60 + guess}-01-01` })).body.slug).toBe('code-refused');
    }
    expect((await portal.enter(signInId, code, { birthDate: '1980-05-01' })).body.slug).toBe('code-refused');
  });

  test('never takes two for one who are alike in both', async () => {
    const { signInId, code } = await couple({}, { birthDate: '1980-05-01' });
    const { status, body } = await portal.enter(signInId, code, { birthDate: '1980-05-01' });
    expect([status, body.slug]).toEqual([403, 'person-not-clear']);
    expect(await t.look('SELECT FROM patient_session WHERE organization_id = $1', [portal.clinic.organizationId])).toEqual([]);
  });

  test('signs in the parent and not the child, who is not of age', async () => {
    const { people, signInId, code } = await couple({}, { birthDate: '2015-06-02' });
    const child = await portal.enter(signInId, code, { birthDate: '2015-06-02' });
    expect([child.status, child.body.slug]).toEqual([403, 'not-of-age']);
    const { body } = await portal.enter(signInId, code, { birthDate: '1980-05-01' });
    expect(body.patient.id).toBe(people[0]?.id);
  });
});

describe("sign-ins of staff and of patients are each other's in no way", () => {
  test("a patient's cookie opens nothing of staff, and a staff member's nothing of patients", async () => {
    const owner = await aSignedInOwner(t);
    const { email } = await portal.aPatient();
    const patient = await portal.signIn(email);
    const asStaff = await patient.send('GET', '/v1/organization');
    expect([asStaff.status, asStaff.body.slug]).toEqual([401, 'not-authenticated']);
    const asPatient = await owner.signedIn.send('GET', '/v1/portal/session');
    expect([asPatient.status, asPatient.body.slug]).toEqual([401, 'not-authenticated']);
    // Nor under the other's name.
    const renamed = [
      [patient.cookie?.replace('__Host-patient-session', '__Host-session'), '/v1/session'],
      [owner.signedIn.cookie?.replace('__Host-session', '__Host-patient-session'), '/v1/portal/session'],
    ] as const;
    for (const [cookie, path] of renamed) expect((await aBrowser(owner.app, cookie ?? '').send('GET', path)).status).toBe(401);
  });
});
