import { issueSetupCode } from '@medspa/database/migrate';
import { aClinic, createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORD } from '../../../test/browser.ts';
import { startTestService } from '../../../test/service.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

test('AUT-8: the running service has no account, and lets in whoever was set up; none of their secrets is in its log, metrics or address', async () => {
  const service = await startTestService('sign-in', t, await aClinic(t.database), {
    config: { logLevel: 'debug', apiUrl: 'http://127.0.0.1:8080' },
  });
  const send = (method: string, path: string, body?: object, cookie = '') =>
    fetch(`${service.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...(cookie ? { cookie, origin: 'http://127.0.0.1:8080' } : {}) },
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
  expect((await send('GET', '/v1/organization', undefined, cookie)).status).toBe(200);
  expect((await send('DELETE', '/v1/session', undefined, cookie)).status).toBe(200);
  expect((await send('GET', '/v1/organization', undefined, cookie)).status).toBe(401);
  const seen = service.lines.join('') + (await (await fetch(service.metricsUrl)).text());
  await service.stop();
  expect(seen).toContain('/v1/session');
  for (const secret of [PASSWORD, 'something else', email, code, cookie.split('.')[1] ?? '']) expect(seen).not.toContain(secret);
});
