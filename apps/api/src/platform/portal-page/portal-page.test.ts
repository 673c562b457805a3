import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp } from '../../../test/harness.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

describe('the page of a sign-in link', () => {
  test('is there for anybody, runs nothing but its own script, loads nothing from elsewhere and is kept by nobody', async () => {
    const { app } = testApp(t.database, { as: null });
    const page = await app.request('/portal/sign-in');
    const text = await page.text();
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*script-src 'self'; .*frame-ancestors 'none'$/);
    expect([page.status, page.headers.get('cache-control'), page.headers.get('referrer-policy')]).toEqual([200, 'no-store', 'no-referrer']);
    const loaded = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address ?? '');
    expect(loaded.length).toBeGreaterThan(3);
    for (const address of loaded) expect([address, (await app.request(address)).status]).toEqual([expect.stringMatching(/^\//), 200]);
  });

  test('signs nobody in by being opened: its script takes the token out of the address and waits for the button', async () => {
    const { app } = testApp(t.database, { as: null });
    const script = await (await app.request('/portal/sign-in.js')).text();
    expect(script).toContain("history.replaceState(null, '', location.pathname)");
    expect(script.match(/signIn\(\)/g)).toHaveLength(2);
    expect(script).toMatch(/addEventListener\('submit'[^]*signIn\(\)/);
  });
});
