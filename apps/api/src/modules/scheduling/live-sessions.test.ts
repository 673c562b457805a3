import { grant } from '@medspa/contracts';
import { arrange, createTestDatabase, eventually, NOW, testCodec, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aColleague, aSecuredOwner, type Browser, type Colleague, type SecuredOwner } from '../../../test/browser.ts';
import { listen, type Listening } from '../../../test/event-source.ts';
import { testApp, type TestApp } from '../../../test/harness.ts';
import { minutesLater } from '../../../test/messages.ts';
import { createBreaker } from '../../platform/breaker.ts';
import { findActor } from '../identity/index.ts';

const OFTEN = { lookMillis: 10, askMillis: 20 };

let t: TestDatabase;
let owner: SecuredOwner;
let locationId: string;
let otherId: string;
beforeAll(async () => {
  t = await createTestDatabase();
  owner = await aSecuredOwner(t, { now: () => NOW, live: OFTEN });
  const made = async (path: string, body: object) => (await owner.signedIn.send<{ id: string }>('POST', path, body)).body.id;
  const legalEntityId = await made('/v1/legal-entities', { name: 'Harbor LLC', currency: 'USD' });
  locationId = await made('/v1/locations', { legalEntityId, name: 'Harbor', timeZone: 'America/New_York' });
  otherId = await made('/v1/locations', { legalEntityId, name: 'Hill', timeZone: 'America/New_York' });
});
afterAll(async () => {
  await owner.app.live.stop();
  await t.drop();
});

/** What a browser's EventSource does. */
async function follow({ cookie }: Browser, app: TestApp = owner.app): Promise<Listening> {
  const headers = { cookie: cookie ?? '', accept: 'text/event-stream' };
  const client = listen(await app.app.request(`/v1/locations/${locationId}/events/stream`, { headers }));
  await eventually('it is followed', () => client.heard.length > 0);
  return client;
}

/** Something happens at the location. */
function happen() {
  return arrange(
    t.database,
    { organizationId: owner.organizationId, actorId: owner.staffId },
    (tx) => tx.$executeRaw`SELECT app.emit(${locationId}::uuid, 'appointment.book', ${newId()}::uuid, '{}')`,
  );
}

const desk = () => aColleague(owner, { role: 'front-desk', locationId });

async function loseRole({ staffId }: Colleague) {
  const [role] = await t.look<{ id: string }>('SELECT id FROM staff_role WHERE staff_id = $1 AND location_id = $2', [staffId, locationId]);
  return owner.signedIn.send('DELETE', `/v1/role-assignments/${role?.id}`);
}

describe('HIP-2: a stream ends, and no other one,', () => {
  test.each<[when: string, what: (colleague: Colleague) => Promise<{ status: number }>]>([
    ['they sign out', ({ signedIn }) => signedIn.send('DELETE', '/v1/session')],
    ['they are off-boarded', ({ staffId }) => owner.signedIn.send('POST', `/v1/staff/${staffId}/off-boarding`)],
    ['they lose the role', loseRole],
    [
      'they have it at another location only',
      async (colleague) => {
        const { staffId } = colleague;
        await owner.signedIn.send('POST', '/v1/role-assignments', { staffId, role: 'front-desk', locationId: otherId });
        return loseRole(colleague);
      },
    ],
  ])('when %s', async (_, what) => {
    const [colleague, other] = [await desk(), await aColleague(owner, { role: 'manager' })];
    const [theirs, others] = [await follow(colleague.signedIn), await follow(other.signedIn)];
    expect((await what(colleague)).status).toBeLessThan(300);
    expect(await theirs.ended).toBe(true);
    await happen();
    await eventually('the other one goes on', () => others.numbers().length > 0);
    expect(theirs.numbers()).toEqual([]);
    await others.leave();
  });

  test('when nobody can say any more whose it is', async () => {
    const client = await follow((await desk()).signedIn);
    await t.look('ALTER FUNCTION app.find_staff_session RENAME TO broken');
    expect(await client.ended).toBe(true);
    await t.look('ALTER FUNCTION app.broken RENAME TO find_staff_session');
  });

  test('when it could not be asked about for too long', async () => {
    const app = testApp(t.database, { as: 'session', now: () => NOW, live: { lookMillis: 10, askMillis: 60_000, trustMillis: 100 } });
    const client = await follow((await desk()).signedIn, app);
    expect(await client.ended).toBe(true);
  });
});

describe('HIP-2: a session is kept alive', () => {
  /** A colleague, the clock, and an app that counts how often it asks who they are. */
  async function aWatched() {
    const { signedIn, staffId } = await desk();
    const clock = { now: NOW, asked: 0 };
    const parts = { database: t.database, codec: testCodec(t.database), breaker: createBreaker().policy, now: () => clock.now };
    const find = findActor(parts, { needsSecondFactor: true });
    const app = testApp(t.database, {
      as: (headers, operation) => (clock.asked++, find(headers, operation)),
      now: () => clock.now,
      live: OFTEN,
    });
    const seen = async () => {
      const [row] = await t.look<{ seen_at: Date }>(
        'SELECT u.seen_at FROM staff_session_use u JOIN staff_session s ON s.id = u.session_id WHERE s.staff_id = $1',
        [staffId],
      );
      return row?.seen_at;
    };
    const askedAgain = async () => {
      const before = clock.asked;
      await eventually('somebody asks again', () => clock.asked > before + 1);
    };
    return { signedIn, app, clock, seen, askedAgain };
  }

  test('neither by waiting for events nor by coming back for them: it ends when it was idle for too long', async () => {
    const { signedIn, app, clock, seen, askedAgain } = await aWatched();
    clock.now = minutesLater(10);
    await (await follow(signedIn, app)).leave();
    const client = await follow(signedIn, app);
    await askedAgain();
    expect(await seen()).toEqual(NOW);
    clock.now = minutesLater(16);
    expect(await client.ended).toBe(true);
  });

  test('nor by being asked about, though a program follows that does not say that it waits', async () => {
    const { signedIn, app, clock, seen, askedAgain } = await aWatched();
    const headers = { cookie: signedIn.cookie ?? '' };
    clock.now = minutesLater(10);
    const client = listen(await app.app.request(`/v1/locations/${locationId}/events/stream`, { headers }));
    clock.now = minutesLater(20);
    await askedAgain();
    expect(await seen()).toEqual(minutesLater(10));
    clock.now = minutesLater(26);
    expect(await client.ended).toBe(true);
  });
});

test('whoever reads one record in an emergency hears nothing, as they read no events', async () => {
  const { organizationId, staffId } = owner;
  const actor = { kind: 'staff' as const, id: staffId, grants: grant(['appointment:read']), patients: [] };
  const app = testApp(t.database, { as: () => Promise.resolve({ organizationId, actor }), live: { ...OFTEN, heartbeatMillis: 20 } });
  const client = listen(await app.app.request(`/v1/locations/${locationId}/events/stream?since=0`));
  await happen();
  await eventually('it lives', () => client.heartbeats() > 1);
  expect([client.status, client.heard]).toEqual([200, []]);
  await app.live.stop();
});
