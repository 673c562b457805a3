import { permissionsOf, ROLES, type ProblemDocument } from '@medspa/contracts';
import { handleDatabaseError } from '@medspa/database';
import { aClinic, arrange, createTestDatabase, footprintOf, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { oneAfterTheOther } from '../../../test/access.ts';
import { aColleague, aHired, aSecuredOwner, type Browser, type Given } from '../../../test/browser.ts';

// Who may do what, as data. Everybody here signs in and has the roles that they were given; nobody is let in by the harness.

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

type Row = { id: string; version: number; role: string; permissions: string[] };
type Reply = Row & ProblemDocument;

/** An organization of two locations, its owner, and what they do about access. */
async function open() {
  const owner = await aSecuredOwner(t);
  const { signedIn } = owner;
  const { id: legalEntityId } = (await signedIn.send<Row>('POST', '/v1/legal-entities', { name: 'LLC', currency: 'USD' })).body;
  const opened = async (name: string) =>
    (await signedIn.send<Row>('POST', '/v1/locations', { legalEntityId, name, timeZone: 'UTC' })).body.id;
  return {
    owner,
    here: await opened('Here'),
    there: await opened('There'),
    hire: (...roles: Given[]) => aColleague(owner, ...roles),
    give: (by: Browser, staffId: string, given: Given) => by.send<Reply>('POST', '/v1/role-assignments', { staffId, ...given }),
    take: (by: Browser, id: string) => by.send<Reply>('DELETE', `/v1/role-assignments/${id}`),
    rolesOf: async (staffId: string) =>
      (await signedIn.send<{ items: Row[] }>('GET', `/v1/role-assignments?staffId=${staffId}`)).body.items,
    makeRole: (by: Browser, permissions: string[], name = newId()) => by.send<Reply>('POST', '/v1/custom-roles', { name, permissions }),
  };
}

const refused = ({ status, body }: { status: number; body: ProblemDocument }) => [status, body.slug];

describe('HIP-2, ASVS 8.3.2: a role', () => {
  test('that is taken back is gone with the next request, in the middle of a session', async () => {
    const { owner, hire, take, give, rolesOf } = await open();
    const desk = await hire({ role: 'front-desk' });
    expect((await desk.signedIn.send('GET', '/v1/patients')).status).toBe(200);
    const [given] = await rolesOf(desk.staffId);
    expect((await take(owner.signedIn, given?.id ?? '')).status).toBe(200);
    expect(refused(await desk.signedIn.send('GET', '/v1/patients'))).toEqual([403, 'not-permitted']);
    expect((await desk.signedIn.send('GET', '/v1/session')).body).toMatchObject({ staffId: desk.staffId, roles: [] });
    await give(owner.signedIn, desk.staffId, { role: 'front-desk' });
    expect((await desk.signedIn.send('GET', '/v1/patients')).status).toBe(200);
  });

  test('of the organization that is changed is changed with the next request of whoever has it', async () => {
    const { owner, hire, makeRole } = await open();
    const { body: role } = await makeRole(owner.signedIn, ['patient:read', 'catalog:read']);
    const keeper = await hire({ role: role.id });
    expect((await keeper.signedIn.send('GET', '/v1/services')).status).toBe(200);
    const changed = await owner.signedIn.send('PATCH', `/v1/custom-roles/${role.id}`, { permissions: ['patient:read'], version: 1 });
    expect(changed.status).toBe(200);
    expect(refused(await keeper.signedIn.send('GET', '/v1/services'))).toEqual([403, 'not-permitted']);
    expect((await keeper.signedIn.send('GET', '/v1/patients')).status).toBe(200);
  });

  test('is nobody by themselves: whoever has none sees their own account and nothing else', async () => {
    const { hire } = await open();
    const { signedIn } = await hire();
    const { body } = await signedIn.send('GET', '/v1/session');
    expect(body.permissions.map(({ permission }) => permission).toSorted()).toEqual(['account:read', 'account:secure', 'account:write']);
    for (const path of ['/v1/organization', '/v1/staff', '/v1/patients', '/v1/roles', '/v1/locations'])
      expect(refused(await signedIn.send('GET', path)), path).toEqual([403, 'not-permitted']);
  });

  test('and where it holds is told to whoever has it', async () => {
    const { here, hire, owner, makeRole } = await open();
    const { body: role } = await makeRole(owner.signedIn, ['messaging:write', 'patient:read'], 'Writer');
    const { signedIn } = await hire({ role: 'front-desk', locationId: here }, { role: role.id });
    const { body } = await signedIn.send('GET', '/v1/session');
    expect(body.roles).toEqual([
      { role: 'front-desk', name: 'front-desk', locationId: here },
      { role: role.id, name: 'Writer', locationId: null },
    ]);
    const held = Object.fromEntries(body.permissions.map(({ permission, locationIds }) => [permission, locationIds]));
    expect(held).toMatchObject({ 'appointment:write': [here], 'patient:read': null, 'messaging:write': null, 'account:secure': null });
  });

  test("at one location gives nothing of what is the whole organization's, also where the organization made it", async () => {
    const { owner, here, hire, makeRole } = await open();
    const { body: role } = await makeRole(owner.signedIn, ['access:write', 'catalog:write', 'catalog:read']);
    const { signedIn } = await hire({ role: role.id, locationId: here }, { role: 'manager', locationId: here });
    expect((await signedIn.send('GET', '/v1/services')).status).toBe(200);
    expect(refused(await signedIn.send('POST', '/v1/room-types', { name: 'Laser' }))).toEqual([403, 'not-permitted']);
    expect(refused(await makeRole(signedIn, ['catalog:read']))).toEqual([403, 'not-permitted']);
  });
});

describe('the roles that every organization has', () => {
  test('are listed as the policy table has them', async () => {
    const { owner } = await open();
    const { body } = await owner.signedIn.send<{ items: { role: string; permissions: string[]; organizationWide: string[] }[] }>(
      'GET',
      '/v1/roles',
    );
    expect(body.items.map(({ role }) => role)).toEqual(ROLES);
    const desk = body.items.find(({ role }) => role === 'front-desk');
    expect(desk?.permissions).toContain('appointment:write');
    expect(desk?.organizationWide).toEqual([]);
    const [first] = body.items;
    const listed = new Set([...(first?.permissions ?? []), ...(first?.organizationWide ?? [])]);
    expect(listed).toEqual(new Set(permissionsOf('owner', 'everywhere')));
  });
});

describe('I14: nobody gives away more than they hold', () => {
  const above: Given[] = [{ role: 'owner' }, { role: 'provider' }, { role: 'medical-director' }];

  test.each(above)('a manager makes neither themselves nor others $role', async (given) => {
    const { owner, here, hire, give, rolesOf } = await open();
    const manager = await hire({ role: 'manager' });
    const before = await footprintOf(t);
    for (const staffId of [manager.staffId, owner.staffId])
      for (const place of [{}, { locationId: here }])
        expect(refused(await give(manager.signedIn, staffId, { ...given, ...place }))).toEqual([403, 'beyond-own-access']);
    expect(await footprintOf(t)).toEqual(before);
    expect((await rolesOf(manager.staffId)).map(({ role }) => role)).toEqual(['manager']);
  });

  test('a manager gives what a manager may do, everywhere and at a location', async () => {
    const { owner, here, hire, give } = await open();
    const manager = await hire({ role: 'manager' });
    const { staffId } = await aHired(owner.signedIn);
    for (const given of [{ role: 'front-desk' }, { role: 'biller', locationId: here }, { role: 'manager' }])
      expect((await give(manager.signedIn, staffId, given)).status).toBe(201);
  });

  test('whoever works at one location gives nothing at another', async () => {
    const { owner, here, there, hire, give, makeRole } = await open();
    const { body: assigner } = await makeRole(owner.signedIn, ['access:write']);
    const lead = await hire({ role: assigner.id }, { role: 'front-desk', locationId: here });
    const { staffId } = await aHired(owner.signedIn);
    expect((await give(lead.signedIn, staffId, { role: 'front-desk', locationId: here })).status).toBe(201);
    for (const place of [{ locationId: there }, {}])
      expect(refused(await give(lead.signedIn, staffId, { role: 'front-desk', ...place }))).toEqual([403, 'beyond-own-access']);
  });

  test('nor makes, changes or removes a role that holds it, whoever has that role', async () => {
    const { owner, hire, give, makeRole } = await open();
    const { signedIn } = await hire({ role: 'manager' });
    expect(refused(await makeRole(signedIn, ['audit:read']))).toEqual([403, 'beyond-own-access']);
    expect(refused(await give(signedIn, owner.staffId, { role: 'auditor' }))).toEqual([403, 'beyond-own-access']);
    const { body: low } = await makeRole(signedIn, ['catalog:read']);
    const { body: high } = await makeRole(owner.signedIn, ['audit:read', 'catalog:read']);
    await give(owner.signedIn, owner.staffId, { role: high.id });
    for (const [id, permissions] of [
      [low.id, ['audit:read']],
      [high.id, ['catalog:read']],
      [high.id, ['audit:read', 'catalog:read', 'catalog:write']],
    ] as const)
      expect(refused(await signedIn.send('PATCH', `/v1/custom-roles/${id}`, { permissions, version: 1 }))).toEqual([
        403,
        'beyond-own-access',
      ]);
    expect(refused(await signedIn.send('DELETE', `/v1/custom-roles/${high.id}`))).toEqual([403, 'beyond-own-access']);
    expect((await signedIn.send('PATCH', `/v1/custom-roles/${low.id}`, { permissions: ['catalog:write'], version: 1 })).status).toBe(200);
  });

  test('nor takes it from somebody', async () => {
    const { owner, hire, take, rolesOf } = await open();
    const [manager, nurse] = [await hire({ role: 'manager' }), await hire({ role: 'provider' })];
    for (const staffId of [owner.staffId, nurse.staffId]) {
      const [given] = await rolesOf(staffId);
      expect(refused(await take(manager.signedIn, given?.id ?? ''))).toEqual([403, 'beyond-own-access']);
    }
  });

  test('and whoever is being demoted gives nothing any more, though their request began before', async () => {
    const { owner, hire, give, take, rolesOf } = await open();
    const second = await hire({ role: 'owner' });
    const [given] = await rolesOf(second.staffId);
    const { staffId } = await aHired(owner.signedIn);
    const answers = await oneAfterTheOther(t, owner.organizationId, [
      () => take(owner.signedIn, given?.id ?? ''),
      () => give(second.signedIn, staffId, { role: 'owner' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 403]);
    expect(await rolesOf(staffId)).toEqual([]);
  });

  test('HIP-8: and everybody proves anew who they are', async () => {
    let at = new Date();
    const owner = await aSecuredOwner(t, { now: () => at });
    at = new Date(at.getTime() + 6 * 60_000);
    for (const [method, path, body] of [
      ['POST', '/v1/custom-roles', { name: 'X', permissions: ['catalog:read'] }],
      ['POST', '/v1/role-assignments', { staffId: owner.staffId, role: 'biller' }],
      ['POST', '/v1/invitations', { staffId: owner.staffId }],
      ['POST', `/v1/staff/${owner.staffId}/off-boarding`, undefined],
      ['POST', `/v1/staff/${owner.staffId}/reinstatement`, undefined],
      ['PATCH', `/v1/staff/${owner.staffId}`, { email: 'other@clinic.example', version: 1 }],
    ] as const)
      expect(refused(await owner.signedIn.send(method, path, body)), path).toEqual([403, 'step-up-required']);
  });
});

describe('I13: an organization keeps an owner', () => {
  test('who is active, and owner everywhere', async () => {
    const { owner, here, hire, take, rolesOf } = await open();
    await hire({ role: 'owner', locationId: here });
    const [given] = await rolesOf(owner.staffId);
    expect(refused(await take(owner.signedIn, given?.id ?? ''))).toEqual([409, 'last-owner']);
    expect(refused(await owner.signedIn.send('POST', `/v1/staff/${owner.staffId}/off-boarding`))).toEqual([409, 'last-owner']);
    await hire({ role: 'owner' });
    expect((await take(owner.signedIn, given?.id ?? '')).status).toBe(200);
    expect(refused(await owner.signedIn.send('GET', '/v1/organization'))).toEqual([403, 'not-permitted']);
  });

  test('when two demote each other at once', async () => {
    const { owner, hire, take, rolesOf } = await open();
    const second = await hire({ role: 'owner' });
    const [[own], [others]] = [await rolesOf(owner.staffId), await rolesOf(second.staffId)];
    const answers = await Promise.all([take(owner.signedIn, others?.id ?? ''), take(second.signedIn, own?.id ?? '')]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403]);
    const left = await t.look(`SELECT FROM staff_role WHERE organization_id = $1 AND role = 'owner'`, [owner.organizationId]);
    expect(left).toHaveLength(1);
  });

  test('by PostgreSQL too, where nothing else asks: two at once, by role and by leaving', async () => {
    for (const how of ['role', 'leaving'] as const) {
      const clinic = await aClinic(t.database);
      const { organizationId } = clinic;
      const second = await arrange(t.database, clinic, async (tx) => {
        const { id } = await tx.staff.create({ data: { organizationId, givenName: 'Odd', familyName: 'Owner', jobTitle: 'Owner' } });
        await tx.staffRole.create({ data: { organizationId, staffId: id, role: 'owner' } });
        return id;
      });
      const end = (staffId: string) =>
        arrange(t.database, clinic, (tx) =>
          how === 'role'
            ? tx.staffRole.deleteMany({ where: { organizationId, staffId } })
            : tx.staff.updateMany({ where: { organizationId, id: staffId }, data: { isActive: false, version: { increment: 1 } } }),
        );
      const ended = await Promise.allSettled([end(clinic.actorId), end(second)]);
      const reasons = ended.flatMap((one) => (one.status === 'rejected' ? [handleDatabaseError(one.reason)?.constraint] : []));
      expect(reasons, how).toEqual(['organization_keeps_an_owner']);
    }
  });
});

describe('a role of the organization', () => {
  test('has a name that no other has, and permissions that may be in a role', async () => {
    const { owner, makeRole } = await open();
    const made = await makeRole(owner.signedIn, ['patient:read', 'catalog:read', 'patient:read'], 'Stock keeper');
    expect(made.body.permissions).toEqual(['patient:read', 'catalog:read']);
    const twice = await makeRole(owner.signedIn, ['patient:read'], 'STOCK keeper');
    expect([...refused(twice), twice.body.errors?.[0]?.pointer]).toEqual([409, 'already-exists', '/name']);
    for (const permissions of [['account:secure'], ['account:sign-in'], ['everything'], []])
      expect(refused(await makeRole(owner.signedIn, permissions)), permissions.join()).toEqual([400, 'invalid-request']);
  });

  test('stays while somebody has it', async () => {
    const { owner, makeRole, give, take } = await open();
    const { body: role } = await makeRole(owner.signedIn, ['patient:read']);
    const { body: given } = await give(owner.signedIn, owner.staffId, { role: role.id });
    expect(refused(await owner.signedIn.send('DELETE', `/v1/custom-roles/${role.id}`))).toEqual([409, 'still-referred-to']);
    await take(owner.signedIn, given.id);
    expect((await owner.signedIn.send('DELETE', `/v1/custom-roles/${role.id}`)).status).toBe(200);
  });

  test('is given once for each place, and to nobody who left', async () => {
    const { owner, here, hire, give } = await open();
    const desk = await hire({ role: 'front-desk', locationId: here });
    const twice = await give(owner.signedIn, desk.staffId, { role: 'front-desk', locationId: here });
    expect([...refused(twice), twice.body.errors?.[0]?.pointer]).toEqual([409, 'already-exists', '/role']);
    expect((await give(owner.signedIn, desk.staffId, { role: 'front-desk' })).status).toBe(201);
    expect(refused(await give(owner.signedIn, desk.staffId, { role: 'front-desk' }))).toEqual([409, 'already-exists']);
    await owner.signedIn.send('POST', `/v1/staff/${desk.staffId}/off-boarding`);
    expect(refused(await give(owner.signedIn, desk.staffId, { role: 'biller' }))).toEqual([422, 'staff-inactive']);
  });
});

test('ASVS 16.3.3: who gave whom which role is in the audit log', async () => {
  const { owner, hire, take, rolesOf } = await open();
  const desk = await hire({ role: 'front-desk' });
  const [given] = await rolesOf(desk.staffId);
  await take(owner.signedIn, given?.id ?? '');
  const log = await t.look(
    `SELECT actor_id, action, operation, coalesce(after, before) ->> 'role' AS role FROM audit_log WHERE table_name = 'staff_role' AND row_id = $1 ORDER BY id`,
    [given?.id],
  );
  expect(log).toEqual([
    { actor_id: owner.staffId, action: 'role.assign', operation: 'insert', role: 'front-desk' },
    { actor_id: owner.staffId, action: 'role.take-back', operation: 'delete', role: 'front-desk' },
  ]);
});
