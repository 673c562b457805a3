import type { Passkey, PasskeyCreation } from '@medspa/contracts';
import { issueSetupCode } from '@medspa/database/migrate';
import { aClinic, createTestDatabase, eventually, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aDevice } from '../../../test/authenticator.ts';
import { PASSWORD } from '../../../test/browser.ts';
import { RELYING_PARTY } from '../../../test/harness.ts';
import { startPost } from '../../../test/messages.ts';
import { startTestService } from '../../../test/service.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const API = 'http://127.0.0.1:8080';

test('AUT-8, AUT-7: the running service has no account, lets in whoever was set up, and sends who forgot a link; no secret is in log or metrics', async () => {
  const post = await startPost();
  const service = await startTestService('sign-in', t, await aClinic(t.database), {
    config: { isPractice: false, logLevel: 'debug', apiUrl: API, relyingParty: RELYING_PARTY, mail: post.config.mail },
  });
  const send = (method: string, path: string, body?: object, cookie = '') =>
    fetch(`${service.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...(cookie ? { cookie, origin: API } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  expect((await send('GET', '/v1/organization')).status).toBe(401);
  const code = await issueSetupCode(t.owner);
  const email = 'owner@running.example';
  const person = { organizationName: 'Harbor', givenName: 'Olive', familyName: 'Owner', email, password: PASSWORD };
  expect((await send('POST', '/v1/setup', { ...person, code })).status).toBe(201);
  expect((await send('POST', '/v1/session', { email, password: 'something else entirely' })).status).toBe(401);
  const signedIn = await send('POST', '/v1/session', { email, password: PASSWORD });
  expect(signedIn.status).toBe(201);
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';

  const options = (await (await send('POST', '/v1/passkeys/options', undefined, cookie)).json()) as PasskeyCreation;
  const credential = aDevice(RELYING_PARTY.origins[0] ?? '').create(options);
  const added = await send('POST', '/v1/passkeys', { name: 'Phone', credential }, cookie);
  const { recoveryCodes } = (await added.json()) as { passkey: Passkey; recoveryCodes: string[] };
  expect((await send('GET', '/v1/organization', undefined, cookie)).status).toBe(200);

  expect((await send('POST', '/v1/password-resets', { email })).status).toBe(202);
  await eventually('the link arrives', () => Promise.resolve(post.to(email).length === 1));
  const [, organizationId, token = ''] = /#([0-9a-f-]{36})\.([\w-]{43})/.exec(post.to(email)[0]?.body ?? '') ?? [];
  expect((await send('GET', '/reset-password')).status).toBe(200);
  const password = 'another slow green harbour';
  const chosen = { organizationId, token, password, code: recoveryCodes[0] };
  expect((await send('POST', '/v1/password-resets/confirmation', chosen)).status).toBe(200);
  expect((await send('GET', '/v1/organization', undefined, cookie)).status).toBe(401);
  expect((await send('POST', '/v1/session', { email, password, code: recoveryCodes[1] })).status).toBe(201);

  const seen = service.lines.join('') + (await (await fetch(service.metricsUrl)).text());
  await service.stop();
  await post.stop();
  for (const route of ['/v1/session', '/v1/password-resets/confirmation', 'send-password-reset']) expect(seen).toContain(route);
  const secrets = [
    PASSWORD,
    password,
    'something else',
    email,
    code,
    cookie.split('.')[1] ?? '',
    token,
    ...recoveryCodes,
    options.challenge,
  ];
  for (const secret of secrets) expect(seen).not.toContain(secret);
});
