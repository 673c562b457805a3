import type { ProblemDocument } from '@medspa/contracts';
import { createTestDatabase, footprintOf, NOW, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aBrowser, aColleague, aHired, aSecuredOwner, linkIn, PASSWORD, type Browser, type Owner } from '../../../test/browser.ts';
import { jobCtx, startPost, type Post } from '../../../test/messages.ts';
import { identityJobs } from './index.ts';

let t: TestDatabase;
let post: Post;
beforeAll(async () => {
  [t, post] = [await createTestDatabase(), await startPost()];
});
afterAll(async () => {
  await post.stop();
  await t.drop();
});

type Invited = ProblemDocument & { invitation: { id: string; staffId: string; email: string; invitedBy: string }; link: string | null };
const refused = ({ status, body }: { status: number; body: ProblemDocument }) => [status, body.slug];
const invite = (by: Browser, staffId: string, delivery: 'email' | 'link' = 'link') =>
  by.send<Invited>('POST', '/v1/invitations', { staffId, delivery });
const accept = ({ app }: Owner, link: string | null, password = PASSWORD) =>
  app.send<ProblemDocument & { staffId: string }>('POST', '/v1/invitations/acceptance', { ...linkIn(link ?? ''), password });
const signIn = ({ app }: Owner, email: string) => aBrowser(app).send('POST', '/v1/session', { email, password: PASSWORD });

/** Runs the jobs that send invitations of an organization. */
async function deliver(organizationId: string, now = new Date()): Promise<number> {
  const due = await t.look<{ payload: object }>(
    `DELETE FROM graphile_worker._private_jobs p USING graphile_worker._private_tasks k
     WHERE k.id = p.task_id AND k.identifier = 'send-invitation' AND p.payload ->> 'organizationId' = $1 RETURNING p.payload`,
    [organizationId],
  );
  const send = identityJobs({ mail: post.senders.email, apiUrl: 'https://app.clinic.example' }).find(
    ({ name }) => name === 'send-invitation',
  );
  for (const { payload } of due) await send?.run(jobCtx(t, organizationId, now), payload);
  return due.length;
}

describe('whoever is invited', () => {
  test('gets a link by e-mail, chooses a password with it, and signs in with the roles they were given', async () => {
    const owner = await aSecuredOwner(t, { config: { mail: post.config.mail } });
    const { staffId, email } = await aHired(owner.signedIn, { role: 'front-desk' });
    const { status, body } = await invite(owner.signedIn, staffId, 'email');
    expect([status, body.link, body.invitation.email, body.invitation.invitedBy]).toEqual([201, null, email, owner.staffId]);
    expect(await deliver(owner.organizationId)).toBe(1);
    const [mail] = post.to(email);
    const link = /https:\/\/app\.clinic\.example\/invitation#\S+/.exec(mail?.body ?? '')?.[0] ?? '';
    const accepted = await accept(owner, link);
    expect([accepted.status, accepted.body]).toEqual([201, { organizationId: owner.organizationId, staffId, email }]);
    expect(accepted.headers.get('set-cookie')).toBeNull();
    const signed = await signIn(owner, email);
    expect(signed.body.roles).toEqual([{ role: 'front-desk', name: 'front-desk', locationId: null }]);
    const log = await t.look(
      `SELECT actor_id, action FROM audit_log WHERE table_name = 'staff_account' AND row_id = $1 AND operation = 'insert'`,
      [staffId],
    );
    expect(log).toEqual([{ actor_id: staffId, action: 'invitation.accept' }]);
  });

  test('is told no more than their name, the organization and the link, and the token is stored as a hash alone', async () => {
    const owner = await aSecuredOwner(t, { config: { mail: post.config.mail } });
    const { staffId, email } = await aHired(owner.signedIn);
    await invite(owner.signedIn, staffId, 'email');
    const [job] = await t.look<{ payload: string }>(
      `SELECT payload::text FROM graphile_worker._private_jobs WHERE payload ->> 'organizationId' = $1 AND payload ->> 'invitationId' IS NOT NULL`,
      [owner.organizationId],
    );
    expect(job?.payload).not.toContain('@');
    await deliver(owner.organizationId);
    const { body } = post.to(email)[0] ?? { body: '' };
    expect(body).toContain('Harbor Aesthetics');
    const { token } = linkIn(/#\S+/.exec(body)?.[0] ?? '');
    expect(token).toHaveLength(43);
    const stored = await t.look<{ everything: string }>(
      `SELECT (SELECT string_agg(i::text, ' ') FROM staff_invitation i) || (SELECT string_agg(l::text, ' ') FROM audit_log l) AS everything`,
    );
    expect(stored[0]?.everything).not.toContain(token);
  });

  test('gets a new link when the job is run again, and only the last one works', async () => {
    const owner = await aSecuredOwner(t, { config: { mail: post.config.mail } });
    const { staffId, email } = await aHired(owner.signedIn);
    for (let round = 0; round < 2; round++) {
      await invite(owner.signedIn, staffId, 'email');
      await deliver(owner.organizationId);
    }
    const links = post.to(email).map(({ body }) => /https:\S+/.exec(body)?.[0] ?? '');
    expect(new Set(links).size).toBe(2);
    const answers = await Promise.all(links.map((link) => accept(owner, link)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 403]);
  });

  test('may be shown the link by whoever invites, which the audit log tells', async () => {
    const owner = await aSecuredOwner(t);
    const { staffId } = await aHired(owner.signedIn);
    expect(refused(await invite(owner.signedIn, staffId, 'email'))).toEqual([409, 'mail-not-configured']);
    const { body } = await invite(owner.signedIn, staffId);
    expect(linkIn(body.link ?? '').organizationId).toBe(owner.organizationId);
    expect(await t.look(`SELECT after ->> 'delivery' AS delivery FROM audit_log WHERE row_id = $1`, [body.invitation.id])).toEqual([
      { delivery: 'link' },
    ]);
  });

  test('is active, has an address, and has no account', async () => {
    const owner = await aSecuredOwner(t);
    const nobody = await owner.signedIn.send<{ id: string }>('POST', '/v1/staff', {
      givenName: 'No',
      familyName: 'Address',
      jobTitle: 'X',
    });
    expect(refused(await invite(owner.signedIn, nobody.body.id))).toEqual([422, 'address-missing']);
    expect(refused(await invite(owner.signedIn, owner.staffId))).toEqual([409, 'already-exists']);
    const { staffId } = await aHired(owner.signedIn);
    await owner.signedIn.send('POST', `/v1/staff/${staffId}/off-boarding`);
    expect(refused(await invite(owner.signedIn, staffId))).toEqual([422, 'staff-inactive']);
  });

  test('chooses a password under the same rules as everybody (AUT-2)', async () => {
    const owner = await aSecuredOwner(t);
    const { staffId, email } = await aHired(owner.signedIn);
    const { link } = (await invite(owner.signedIn, staffId)).body;
    for (const [password, slug] of [
      ['harvest moon 4', 'password-too-short'],
      ['1qaz2wsx3edc4rfv', 'password-too-common'],
      [email, 'password-too-common'],
    ] as const)
      expect(refused(await accept(owner, link, password))).toEqual([422, slug]);
    expect((await accept(owner, link)).status).toBe(201);
  });
});

describe('an invitation', () => {
  test('works once: of ten at once one does', async () => {
    const owner = await aSecuredOwner(t);
    const { staffId } = await aHired(owner.signedIn);
    const { link } = (await invite(owner.signedIn, staffId)).body;
    const answers = await Promise.all(Array.from({ length: 10 }, () => accept(owner, link)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, ...Array.from({ length: 9 }, () => 403)]);
    expect(refused(await accept(owner, link))).toEqual([403, 'invitation-refused']);
  });

  test('can be accepted for seven days', async () => {
    let at = NOW;
    const owner = await aSecuredOwner(t, { now: () => at });
    const { staffId } = await aHired(owner.signedIn);
    const { link } = (await invite(owner.signedIn, staffId)).body;
    at = new Date(NOW.getTime() + 7 * 86_400_000);
    expect(refused(await accept(owner, link))).toEqual([403, 'invitation-refused']);
    at = new Date(at.getTime() - 1);
    expect((await accept(owner, link)).status).toBe(201);
  });

  test('is listed while it is open, and can be withdrawn', async () => {
    const owner = await aSecuredOwner(t);
    const [kept, withdrawn] = [await aHired(owner.signedIn), await aHired(owner.signedIn)];
    const [, second] = [await invite(owner.signedIn, kept.staffId), await invite(owner.signedIn, withdrawn.staffId)];
    const open = async () =>
      (await owner.signedIn.send<{ items: { staffId: string }[] }>('GET', '/v1/invitations')).body.items.map((one) => one.staffId);
    expect(await open()).toEqual([kept.staffId, withdrawn.staffId]);
    expect((await owner.signedIn.send('DELETE', `/v1/invitations/${second.body.invitation.id}`)).status).toBe(200);
    expect(await open()).toEqual([kept.staffId]);
    expect(refused(await accept(owner, second.body.link))).toEqual([403, 'invitation-refused']);
  });

  test('that is wrong in any way gets the same answer, and nothing is written', async () => {
    const [owner, other] = [await aSecuredOwner(t), await aSecuredOwner(t)];
    const { staffId } = await aHired(owner.signedIn);
    const { link } = (await invite(owner.signedIn, staffId)).body;
    const { token } = linkIn(link ?? '');
    const before = await footprintOf(t);
    const forged = [
      { organizationId: owner.organizationId, token: 'A'.repeat(43) },
      { organizationId: other.organizationId, token },
      { organizationId: crypto.randomUUID(), token },
    ];
    const answers = await Promise.all(
      forged.map((one) => owner.app.send<ProblemDocument>('POST', '/v1/invitations/acceptance', { ...one, password: PASSWORD })),
    );
    expect(new Set(answers.map(({ text }) => text.replace(/"requestId":"[^"]+"/, ''))).size).toBe(1);
    expect(answers.map(refused)).toEqual(forged.map(() => [403, 'invitation-refused']));
    expect(await footprintOf(t)).toEqual(before);
  });
});

describe('I14: nobody gets into an account that may do more than they', () => {
  test('by inviting its person', async () => {
    const owner = await aSecuredOwner(t);
    const manager = await aColleague(owner, { role: 'manager' });
    const { staffId } = await aHired(owner.signedIn, { role: 'owner' });
    expect(refused(await invite(manager.signedIn, staffId))).toEqual([403, 'beyond-own-access']);
  });

  test('by a link that they were shown before its person was given more', async () => {
    const owner = await aSecuredOwner(t);
    const manager = await aColleague(owner, { role: 'manager' });
    const { staffId } = await aHired(manager.signedIn, { role: 'front-desk' });
    const { link } = (await invite(manager.signedIn, staffId)).body;
    await owner.signedIn.send('POST', '/v1/role-assignments', { staffId, role: 'owner' });
    expect(refused(await accept(owner, link))).toEqual([403, 'invitation-refused']);
    expect((await accept(owner, (await invite(owner.signedIn, staffId)).body.link)).status).toBe(201);
  });

  test('by a link that they were shown, once they have left or may give it no more', async () => {
    const owner = await aSecuredOwner(t);
    for (const end of ['off-boarding', 'demotion'] as const) {
      const manager = await aColleague(owner, { role: 'manager' });
      const { staffId } = await aHired(manager.signedIn, { role: 'front-desk' });
      const { link } = (await invite(manager.signedIn, staffId)).body;
      const { items } = (await owner.signedIn.send<{ items: { id: string }[] }>('GET', `/v1/role-assignments?staffId=${manager.staffId}`))
        .body;
      if (end === 'off-boarding') await owner.signedIn.send('POST', `/v1/staff/${manager.staffId}/off-boarding`);
      else await owner.signedIn.send('DELETE', `/v1/role-assignments/${items[0]?.id}`);
      expect(refused(await accept(owner, link)), end).toEqual([403, 'invitation-refused']);
    }
  });

  test('by giving its person another address', async () => {
    const owner = await aSecuredOwner(t);
    const manager = await aColleague(owner, { role: 'manager' });
    const [nurse, waiting] = [await aColleague(owner, { role: 'provider' }), await aHired(owner.signedIn, { role: 'owner' })];
    const before = await footprintOf(t);
    for (const staffId of [owner.staffId, nurse.staffId, waiting.staffId])
      for (const email of ['mine@elsewhere.example', null])
        expect(refused(await manager.signedIn.send('PATCH', `/v1/staff/${staffId}`, { email, version: 1 }))).toEqual([
          403,
          'beyond-own-access',
        ]);
    expect(await footprintOf(t)).toEqual(before);
    // Everything else is theirs to change, and so is the address that stays.
    const { status } = await manager.signedIn.send('PATCH', `/v1/staff/${nurse.staffId}`, {
      jobTitle: 'Lead',
      email: nurse.email,
      version: 1,
    });
    expect(status).toBe(200);
  });

  test('by a link to an address that its person has no more', async () => {
    const owner = await aSecuredOwner(t);
    const { staffId } = await aHired(owner.signedIn);
    const { link } = (await invite(owner.signedIn, staffId)).body;
    expect((await owner.signedIn.send('PATCH', `/v1/staff/${staffId}`, { email: 'right@clinic.example', version: 1 })).status).toBe(200);
    expect(refused(await accept(owner, link))).toEqual([403, 'invitation-refused']);
  });
});
