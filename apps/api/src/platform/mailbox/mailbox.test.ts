import { aClinic, createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestService, type RunningService } from '../../../test/service.ts';
import type { Received } from './page.ts';

let t: TestDatabase;
let service: RunningService;
const received: Received[] = [];
beforeAll(async () => {
  t = await createTestDatabase();
  service = await startTestService('mailbox', t, await aClinic(t.database), { config: { isPractice: true }, received: () => received });
});
afterAll(async () => {
  await service.stop();
  await t.drop();
});

const get = async (path: string, headers: Record<string, string> = service.signedIn) => {
  const answer = await fetch(`${service.url}${path}`, { headers });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};
const HOSTILE = '<script>alert(1)</script>"\'&';

describe('the mailbox of practice mode', () => {
  test('shows what was sent, newest first as it is given, escaped, with its state', async () => {
    expect((await get('/mailbox')).text).toContain('Nothing yet');
    const at = new Date('2026-03-02T12:00:00Z');
    const sms = {
      id: 'SM1',
      channel: 'sms' as const,
      from: '+15005550006',
      to: '+12125550100',
      title: null,
      body: HOSTILE,
      at,
      status: 'delivered',
      handovers: 1,
    };
    received.push(sms, { ...sms, id: '<1@x>', channel: 'email', title: HOSTILE, status: 'received', handovers: 2 });
    const { status, text } = await get('/mailbox');
    expect(status).toBe(200);
    expect(text).not.toContain('<script>alert');
    expect(text).toContain('&#60;script&#62;alert(1)');
    expect(text).toContain('delivered');
    expect(text).toContain('received, handed over 2 times');
    expect(text).toContain('2026-03-02 12:00:00 UTC');
    expect((await get('/mailbox/list')).text.replaceAll(/\s+/g, ' ')).toMatch(/^<ol class="messages">.*<\/ol>$/);
  });

  test('runs nothing but its own script, loads nothing from elsewhere, and can be read without the script', async () => {
    const page = await get('/mailbox');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*script-src 'self'; .*frame-ancestors 'none'$/);
    expect(page.headers.get('cache-control')).toBe('no-store');
    const loaded = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address);
    expect(loaded.every((address) => /^(\/|#)/.test(address ?? ''))).toBe(true);
    for (const address of loaded.filter((one) => one?.startsWith('/'))) expect((await get(address ?? '')).status).toBe(200);
    expect(page.text).toMatch(/<html lang="en">[\s\S]*<main id="content"[\s\S]*<h1>Mailbox<\/h1>[\s\S]*aria-live="polite"/);
    expect(page.text).toContain('width=device-width');
  });

  test('is closed to whoever is not signed in', async () => {
    for (const path of ['/mailbox', '/mailbox/list', '/mailbox/style.css', '/mailbox/refresh.js'])
      expect((await get(path, {})).status, path).toBe(401);
  });

  test('is not there in a service that writes to people', async () => {
    const other = await startTestService('no-mailbox', t, await aClinic(t.database));
    const answer = await fetch(`${other.url}/mailbox`, { headers: other.signedIn });
    await other.stop();
    expect(answer.status).toBe(404);
  });
});
