import { createHash, randomBytes } from 'node:crypto';
import type { EmergencyAccess, Patient, PatientAccesses, ProblemDocument, Role } from '@medspa/contracts';
import { aClinic, aPatient, arrange, createTestDatabase, NOW, sessionIn, testCodec, type Clinic, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aBrowser, type Browser } from '../../../test/browser.ts';
import { testApp, type TestApp } from '../../../test/harness.ts';
import { jobCtx, startPost, type Post } from '../../../test/messages.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { identityJobs, watchReviews } from './index.ts';

let t: TestDatabase;
let post: Post;
beforeAll(async () => {
  t = await createTestDatabase();
  post = await startPost();
});
afterAll(async () => {
  await post.stop();
  await t.drop();
});

const clock = { now: NOW };
const later = (minutes: number) => {
  clock.now = new Date(clock.now.getTime() + minutes * 60_000);
};

type Person = { id: string; email: string; signIn: () => Promise<Browser> };
let clinic: Clinic;
let app: TestApp;
let reader: Person;
let reviewer: Person;
let patientId: string;
beforeEach(async () => {
  clock.now = NOW;
  clinic = await aClinic(t.database);
  app = testApp(t.database, { as: 'session', now: () => clock.now });
  [reader, reviewer] = [await aPerson('Rita', 'Reader', 'provider'), await aPerson('Olaf', 'Officer', 'auditor')];
  const { organizationId } = clinic;
  const treats = { organizationId, staffId: reader.id, displayName: 'Rita', credential: 'NP' };
  await arrange(t.database, clinic, (tx) => tx.provider.create({ data: treats, select: { id: true } }));
  const owner = testApp(t.database, { as: clinic, now: () => NOW });
  const known = { givenName: 'Vera', familyName: 'Voss', phone: '+12125550142', note: 'Allergic to lidocaine.' };
  patientId = (await owner.send<Patient>('POST', '/v1/patients', known)).body.id;
});

/** A staff member with an account, whose sessions begin with a fresh proof. */
async function aPerson(givenName: string, familyName: string, role: Role, hasFactor = true): Promise<Person> {
  const { organizationId } = clinic;
  const [id, email] = [newId(), `${givenName}-${newId()}@clinic.example`.toLowerCase()];
  const place = { organizationId, table: 'staff', column: 'email_sealed' };
  const codec = testCodec(t.database);
  await codec.prepare(organizationId);
  const sealed = { emailSealed: codec.seal({ ...place, rowId: id }, email), emailIndex: codec.blindIndex(place, email) };
  await arrange(t.database, clinic, async (tx) => {
    await tx.staff.create({ data: { organizationId, id, givenName, familyName, jobTitle: 'Nurse', ...sealed } });
    await tx.staffAccount.create({ data: { organizationId, staffId: id, passwordChangedAt: NOW } });
    const secret = {
      passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$nobody$knows',
      passwordIsLong: true,
      totpSealed: hasFactor ? randomBytes(40) : null,
    };
    await tx.staffSecret.create({ data: { organizationId, staffId: id, ...secret } });
    await tx.staffRole.create({ data: { organizationId, staffId: id, role } });
  });
  const signIn = async () => {
    const token = randomBytes(32).toString('base64url');
    await arrange(t.database, clinic, async (tx) => {
      const tokenHash = createHash('sha256').update(token).digest();
      const endsAt = new Date(clock.now.getTime() + 12 * 3_600_000);
      const times = { createdAt: clock.now, steppedUpAt: clock.now, endsAt };
      const session = await tx.staffSession.create({
        data: { organizationId, staffId: id, tokenHash, device: 'Firefox, Linux', idleMinutes: 120, ...times },
      });
      await tx.staffSessionUse.create({ data: { organizationId, sessionId: session.id, seenAt: clock.now } });
    });
    return aBrowser(app, `__Host-session=${organizationId}.${token}`);
  };
  return { id, email, signIn };
}

const REASON = 'Swelling after filler; she is on the phone.';
const open = (browser: Browser, id = patientId, reason = REASON) =>
  browser.send<EmergencyAccess & ProblemDocument>('POST', '/v1/emergency-accesses', { patientId: id, reason });
const read = (browser: Browser, accessId: string, path = `/v1/patients/${patientId}`) =>
  browser.send<Patient & ProblemDocument>('GET', path, undefined, { 'emergency-access': accessId });
const review = (browser: Browser, id: string, outcome = 'justified') =>
  browser.send<EmergencyAccess & ProblemDocument>('POST', `/v1/emergency-accesses/${id}/review`, { outcome, note: 'Spoke to Rita.' });

describe('HIP-3: an emergency access', () => {
  test('opens one record for sixty minutes with a reason; minute 61 is denied', async () => {
    const browser = await reader.signIn();
    const opened = await open(browser);
    expect([opened.status, opened.body]).toEqual([
      201,
      {
        id: expect.any(String),
        staffId: reader.id,
        patientId,
        reason: REASON,
        beginsAt: NOW.toISOString(),
        endsAt: '2026-03-02T13:00:00.000Z',
        reviewDueAt: '2026-03-05T12:00:00.000Z',
        isOverdue: false,
        review: null,
      },
    ]);
    const shown = await read(browser, opened.body.id);
    expect([shown.status, shown.body.note, shown.body.phone]).toEqual([200, 'Allergic to lidocaine.', '+12125550142']);
    later(60);
    clock.now = new Date(clock.now.getTime() - 1);
    expect((await read(browser, opened.body.id)).status).toBe(200);
    clock.now = new Date(clock.now.getTime() + 1);
    const over = await read(browser, opened.body.id);
    expect([over.status, over.body.slug, over.body.errors?.[0]?.pointer]).toEqual([403, 'not-permitted', 'emergency-access']);
    expect((await read(browser, opened.body.id, `/v1/patients/${patientId}/appointments`)).status).toBe(403);
  });

  test('wants a reason of ten characters, a fresh proof of who asks, and a patient who is there', async () => {
    const browser = await reader.signIn();
    for (const reason of ['urgent!!!', '   urgent    ']) {
      const short = await open(browser, patientId, reason);
      expect([short.status, short.body.errors?.map(({ pointer }) => pointer)]).toEqual([400, ['/reason']]);
    }
    const foreign = await aPatient(t.database, await aClinic(t.database));
    for (const id of [foreign, newId()]) {
      const nobody = await open(browser, id);
      expect([nobody.status, nobody.body.slug, nobody.body.errors?.[0]?.pointer]).toEqual([404, 'not-found', '/patientId']);
    }
    later(6);
    expect((await open(browser)).body.slug).toBe('step-up-required');
    expect(await t.look('SELECT FROM emergency_access WHERE organization_id = $1', [clinic.organizationId])).toEqual([]);
  });

  test('is for nobody without a second factor', async () => {
    const { organizationId } = clinic;
    const careless = await aPerson('Carla', 'Careless', 'provider', false);
    const treats = { organizationId, staffId: careless.id, displayName: 'Carla', credential: 'RN' };
    await arrange(t.database, clinic, (tx) => tx.provider.create({ data: treats, select: { id: true } }));
    expect((await open(await careless.signIn())).body.slug).toBe('enrol-second-factor');
  });

  test('is for whoever holds break-glass:use: the desk does not', async () => {
    const desk = testApp(t.database, {
      as: { ...clinic, permissions: ['patient:read', 'patient:contact', 'appointment:write'] },
      now: () => NOW,
    });
    const refused = await desk.send<ProblemDocument>('POST', '/v1/emergency-accesses', { patientId, reason: REASON });
    expect([refused.status, refused.body.slug]).toEqual([403, 'not-permitted']);
  });

  test('shows nobody else, and only reads', async () => {
    const browser = await reader.signIn();
    const { id } = (await open(browser)).body;
    const otherId = await aPatient(t.database, clinic, { givenName: 'Otto' });
    const other = await read(browser, id, `/v1/patients/${otherId}`);
    const none = await read(browser, id, `/v1/patients/${newId()}`);
    expect([other.status, other.body.slug]).toEqual([none.status, none.body.slug]);
    expect(other.status).toBe(404);
    const listed = await browser.send<{ items: Patient[] }>('GET', '/v1/patients', undefined, { 'emergency-access': id });
    expect(listed.body.items.map((patient) => patient.id)).toEqual([patientId]);
    const found = { name: 'otto' };
    const search = await browser.send<{ items: Patient[] }>('POST', '/v1/patients/search', found, { 'emergency-access': id });
    expect(search.body.items).toEqual([]);
    const change = { pronouns: 'she/her', version: 1 };
    expect((await browser.send('PATCH', `/v1/patients/${patientId}`, change, { 'emergency-access': id })).status).toBe(403);
    for (const path of ['/v1/rooms', '/v1/organization', `/v1/patients/${patientId}/accesses`, `/v1/patients/${patientId}/messages`])
      expect([path, (await read(browser, id, path)).status]).toEqual([path, 403]);
  });

  test('shows the visits of every location', async () => {
    const { locationId, serviceId, providerId } = clinic;
    const visit = { locationId, patientId, startsAt: '2026-03-04T15:00:00Z', services: [{ serviceId, providerId }] };
    await testApp(t.database, { as: clinic, now: () => NOW }).send('POST', '/v1/appointments', visit);
    const browser = await reader.signIn();
    const { id } = (await open(browser)).body;
    const visits = await browser.send<{ items: { id: string }[] }>('GET', `/v1/patients/${patientId}/appointments`, undefined, {
      'emergency-access': id,
    });
    expect(visits.body.items).toHaveLength(1);
    expect((await read(browser, id, `/v1/appointments/${visits.body.items[0]?.id}/history`)).status).toBe(200);
  });

  test("is its person's alone: another's, none and no id are the same refusal", async () => {
    const { id } = (await open(await reader.signIn())).body;
    const other = await reviewer.signIn();
    const answers = [];
    for (const named of [id, newId(), 'now', '']) answers.push(await read(other, named));
    for (const { status, body } of answers)
      expect([status, body.slug, body.errors]).toEqual([403, 'not-permitted', answers[0]?.body.errors]);
    expect((await read(aBrowser(app), id)).status).toBe(401);
  });

  test('stands when who may do what cannot be found out: it asks for session, person and access alone', async () => {
    const browser = await reader.signIn();
    await t.look('ALTER FUNCTION app.find_staff_session RENAME TO broken');
    try {
      expect((await browser.send('GET', `/v1/patients/${patientId}`)).status).toBe(500);
      const opened = await open(browser);
      expect(opened.status).toBe(201);
      expect((await read(browser, opened.body.id)).status).toBe(200);
    } finally {
      await t.look('ALTER FUNCTION app.broken RENAME TO find_staff_session');
    }
  });

  test('stands when roles were taken away, for somebody who treats patients', async () => {
    const browser = await reader.signIn();
    const { organizationId } = clinic;
    const { id } = (await open(browser)).body;
    await arrange(t.database, clinic, (tx) => tx.staffRole.deleteMany({ where: { organizationId, staffId: reader.id } }));
    expect((await browser.send('GET', `/v1/patients/${patientId}`)).status).toBe(403);
    expect((await read(browser, id)).status).toBe(200);
    expect((await open(browser, await aPatient(t.database, clinic))).status).toBe(201);
    const clerk = await aPerson('Cleo', 'Clerk', 'front-desk');
    expect((await open(await clerk.signIn())).status).toBe(403);
    await arrange(t.database, clinic, (tx) => tx.staffRole.deleteMany({ where: { organizationId, staffId: clerk.id } }));
    expect((await open(await clerk.signIn())).status).toBe(403);
  });

  test('ends with the session, and with its person', async () => {
    const browser = await reader.signIn();
    const { id } = (await open(browser)).body;
    expect((await browser.send('DELETE', '/v1/session')).status).toBe(200);
    expect((await read(browser, id)).status).toBe(401);
    const again = await reader.signIn();
    expect((await read(again, id)).status).toBe(200);
    const { organizationId } = clinic;
    const left = { isActive: false, version: 2 };
    await arrange(t.database, clinic, (tx) => tx.staff.updateMany({ where: { organizationId, id: reader.id }, data: left }));
    expect((await read(again, id)).status).toBe(401);
  });

  test('is one for a person and a patient at a time: asked for again it is the same, also of many at once', async () => {
    const browser = await reader.signIn();
    const answers = await Promise.all(Array.from({ length: 8 }, () => open(browser)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(
      new Set(answers.some(({ status }) => status === 409) ? [201, 409] : [201]),
    );
    const again = await open(browser);
    expect([again.status, again.body.reason]).toEqual([201, REASON]);
    expect(await t.look('SELECT FROM emergency_access WHERE organization_id = $1', [clinic.organizationId])).toHaveLength(1);
    later(60);
    expect((await open(await reader.signIn())).body.id).not.toBe(again.body.id);
  });
});

describe('HIP-3: what is read in an emergency', () => {
  test('is in the access log with the id of the access, each read, and told as such', async () => {
    const browser = await reader.signIn();
    const { id } = (await open(browser)).body;
    for (const path of ['', '/appointments']) await read(browser, id, `/v1/patients/${patientId}${path}`);
    await browser.send('GET', `/v1/patients/${patientId}`);
    const logged = await t.look('SELECT action, reason FROM access_log WHERE actor_id = $1 ORDER BY id', [reader.id]);
    expect(logged).toEqual([
      { action: 'patient.read', reason: id },
      { action: 'patient.appointments', reason: id },
      { action: 'patient.read', reason: null },
    ]);
    const told = await (await reviewer.signIn()).send<PatientAccesses>('GET', `/v1/patients/${patientId}/accesses`);
    const byReader = told.body.items.filter(({ actorId }) => actorId === reader.id);
    expect(byReader.map((access) => access.emergencyAccessId)).toEqual([null, id, id]);
  });

  test('and that it was opened is an event of its own in the audit log, with the reason sealed', async () => {
    const { id } = (await open(await reader.signIn())).body;
    const rows = await t.look<{ action: string; actor_id: string; after: string }>(
      'SELECT action, actor_id, after::text FROM audit_log WHERE row_id = $1',
      [id],
    );
    expect(rows).toEqual([{ action: 'emergency-access.open', actor_id: reader.id, after: expect.stringContaining('reason_sealed') }]);
    expect(JSON.stringify(rows)).not.toContain('Swelling');
    expect(await t.look('SELECT FROM emergency_access WHERE strpos(emergency_access::text, $1) > 0', ['Swelling'])).toEqual([]);
  });
});

describe('HIP-3: whoever reviews', () => {
  /** Runs what the opening enqueued, as the queue does; returns the names of the jobs. */
  async function runJobs(mail = post.senders.email) {
    const jobs = identityJobs({ mail, apiUrl: 'https://clinic.example' });
    const ran: string[] = [];
    for (;;) {
      const [due] = await t.look<{ task: string; payload: object }>(
        `WITH next AS (SELECT p.id, p.payload, j.task_identifier AS task FROM graphile_worker._private_jobs p JOIN graphile_worker.jobs j USING (id)
           WHERE p.payload ->> 'organizationId' = $1 AND j.task_identifier LIKE 'tell-reviewer%' ORDER BY p.id LIMIT 1),
         gone AS (DELETE FROM graphile_worker._private_jobs p USING next WHERE p.id = next.id)
         SELECT task, payload FROM next`,
        [clinic.organizationId],
      );
      if (!due) return ran;
      ran.push(due.task);
      await jobs.find(({ name }) => name === due.task)?.run(jobCtx(t, clinic.organizationId, clock.now), due.payload);
    }
  }

  test('is told at once by e-mail, with nothing of the patient in it', async () => {
    const { id } = (await open(await reader.signIn())).body;
    expect(await runJobs()).toEqual(['tell-reviewers', 'tell-reviewer']);
    const [mail, ...rest] = post.to(reviewer.email);
    expect(rest).toEqual([]);
    expect(mail?.title).toBe('An emergency access waits for your review');
    expect(mail?.body).toContain('Rita Reader opened the record of one patient of Test Aesthetics');
    expect(mail?.body).toContain('by 2026-03-05 12:00 UTC');
    for (const said of ['Vera', 'Voss', patientId, 'Swelling', 'lidocaine', '5550142']) expect(JSON.stringify(mail)).not.toContain(said);
    expect(mail?.id).toContain(id);
  });

  test('is not told of one that was not opened, nor twice of one', async () => {
    const browser = await reader.signIn();
    await open(browser, newId());
    expect(await runJobs()).toEqual([]);
    await open(browser);
    await open(browser);
    expect(await runJobs()).toHaveLength(2);
  });

  test('is told later when the mail server has not taken it', async () => {
    await open(await reader.signIn());
    const away = { provider: 'smtp', send: () => Promise.resolve({ outcome: 'later', code: 'smtp-450' } as const) };
    await expect(runJobs(away)).rejects.toThrow('not taken');
  });

  test('finds it in the queue, the one that waits longest first, overdue after 72 hours, and reviews it once', async () => {
    const { id } = (await open(await reader.signIn())).body;
    const officer = await reviewer.signIn();
    const queue = async (state: string) =>
      (await officer.send<{ items: EmergencyAccess[] }>('GET', `/v1/emergency-accesses?state=${state}`)).body.items;
    expect(await queue('to-review')).toMatchObject([{ id, reason: REASON, isOverdue: false, review: null }]);
    later(72 * 60);
    const fresh = await reviewer.signIn();
    const asked = () => fresh.send<{ items: EmergencyAccess[] }>('GET', '/v1/emergency-accesses?state=to-review');
    expect((await asked()).body.items).toMatchObject([{ id, isOverdue: false }]);
    clock.now = new Date(clock.now.getTime() + 1);
    expect((await asked()).body.items).toMatchObject([{ id, isOverdue: true }]);
    const done = await review(fresh, id);
    const said = { staffId: reviewer.id, outcome: 'justified', note: 'Spoke to Rita.', at: clock.now.toISOString() };
    expect([done.status, done.body.review, done.body.isOverdue]).toEqual([200, said, false]);
    expect((await asked()).body.items).toEqual([]);
    const twice = await review(fresh, id, 'not-justified');
    expect([twice.status, twice.body.slug, twice.body.currentStatus]).toEqual([409, 'wrong-status', 'reviewed']);
  });

  test('is somebody else than who read', async () => {
    const owner = await aPerson('Olivia', 'Owner', 'owner');
    const browser = await owner.signIn();
    const { id } = (await open(browser)).body;
    const refused = await review(browser, id);
    expect([refused.status, refused.body.slug]).toEqual([403, 'not-permitted']);
    const others = (await open(await reader.signIn())).body.id;
    expect((await review(browser, others)).status).toBe(200);
    const own = { reviewedAt: NOW, reviewedById: owner.id, outcome: 'justified', reviewNoteSealed: randomBytes(40) };
    const { organizationId } = clinic;
    const writing = arrange(t.database, clinic, (tx) => tx.emergencyAccess.updateMany({ where: { organizationId, id }, data: own }));
    await expect(writing).rejects.toThrow(/emergency_access_review_of_others/);
  });

  test('is counted for the alert as long as it is overdue', async () => {
    const metrics = createMetrics();
    const count = async () => {
      await watchReviews(metrics).run(jobCtx(t, clinic.organizationId, new Date()), {});
      return Number(/^emergency_reviews_overdue (\d+)$/m.exec((await metrics.render()).text)?.[1]);
    };
    const before = await count();
    clock.now = new Date(Date.now() - 73 * 3_600_000);
    const { id } = (await open(await reader.signIn())).body;
    expect(await count()).toBe(before + 1);
    await review(await reviewer.signIn(), id);
    expect(await count()).toBe(before);
  });
});

describe('PostgreSQL', () => {
  test('keeps an emergency access as it was opened: an hour, 72 hours, one review, no deletion, whoever asks', async () => {
    const { id } = (await open(await reader.signIn())).body;
    expect((await review(await reviewer.signIn(), id)).status).toBe(200);
    const session = JSON.stringify(sessionIn(clinic.organizationId, clinic.actorId));
    const as = (statement: string) => t.look(`WITH entered AS MATERIALIZED (SELECT app.enter($1::jsonb)) ${statement}`, [session]);
    const where = `FROM entered WHERE id = '${id}'`;
    for (const change of [
      `ends_at = ends_at + interval '1 minute'`,
      `patient_id = staff_id`,
      `outcome = 'not-justified'`,
      `reviewed_at = NULL`,
    ])
      await expect(as(`UPDATE emergency_access SET ${change} ${where}`), change).rejects.toThrow(/reviewed once/);
    await expect(as(`DELETE FROM emergency_access USING entered WHERE id = '${id}'`)).rejects.toThrow(/append-only/);
    const copy = (begins: string, ends: string, due: string) =>
      as(`INSERT INTO emergency_access (organization_id, id, staff_id, patient_id, reason_sealed, begins_at, ends_at, review_due_at)
          SELECT e.organization_id, uuidv7(), staff_id, patient_id, reason_sealed, begins_at + ${begins}, begins_at + ${ends}, begins_at + ${due} FROM emergency_access e, entered WHERE id = '${id}'`);
    const of = (minutes: number) => `interval '${minutes} minutes'`;
    await expect(copy(of(120), of(181), of(120 + 4_320))).rejects.toThrow(/emergency_access_one_hour/);
    await expect(copy(of(120), of(180), of(4_320))).rejects.toThrow(/emergency_access_review_due/);
    await expect(copy(of(59), of(119), of(59 + 4_320))).rejects.toThrow(/emergency_access_one_open/);
    await copy(of(60), of(120), of(60 + 4_320));
  });
});
