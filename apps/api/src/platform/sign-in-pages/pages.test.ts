import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp } from '../../../test/harness.ts';
import { renderSetup } from './setup.ts';
import { renderSignIn } from './sign-in.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

describe.each(['/setup', '/sign-in'])('WEB-3: the page %s', (path) => {
  const get = async (address: string) => {
    const answer = await testApp(t.database, { as: null }).app.request(address);
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };

  test('is there for whoever has no session, and runs and loads nothing but what is ours', async () => {
    const { status, headers, text } = await get(path);
    expect(status).toBe(200);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^default-src 'none'; .*script-src 'self'; .*form-action 'none'; frame-ancestors 'none'$/);
    expect(policy).not.toContain('unsafe');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(text).not.toMatch(/<style| style=| on[a-z]+=|<script(?![^>]* src=)/);
    const loaded = [...text.matchAll(/(?:src|href)="([^"#][^"]*)"/g)].map(([, address = '']) => address);
    expect(loaded.every((address) => address.startsWith('/'))).toBe(true);
    for (const address of loaded) expect((await get(address)).status, address).toBe(200);
    const scripts = loaded.filter((address) => address.endsWith('.js'));
    for (const address of [...scripts, '/sign-in/form.js']) {
      const { headers: told, text: script } = await get(address);
      expect(told.get('content-type')).toMatch(/^text\/javascript/);
      expect(script).not.toMatch(/innerHTML|eval\(|localStorage|sessionStorage|document\.cookie/);
    }
  });
});

describe.each([
  ['/setup', renderSetup()],
  ['/sign-in', renderSignIn({ hasMailbox: true, hasProvider: true })],
])('the page %s', (_, text) => {
  test('names every field, says where its error and its hint are, and never sends one in an address', () => {
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const inputs = [...text.matchAll(/<input([^>]*)>/g)].map(([, attributes = '']) => attributes);
    expect(inputs.length).toBeGreaterThan(2);
    for (const input of inputs) {
      const of = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(input)?.[1] ?? '';
      expect(text).toContain(`<label for="${of('id')}">`);
      expect(of('autocomplete')).not.toBe('');
      for (const described of of('aria-describedby').split(' ')) expect(ids).toContain(described);
    }
    for (const [, attributes = ''] of text.matchAll(/<form([^>]*)>/g)) expect(attributes).toContain('method="post"');
    expect(text).toMatch(/<html lang="en">[\s\S]*width=device-width[\s\S]*<main id="content" tabindex="-1">[\s\S]*<noscript>/);
    expect(text).toContain('role="alert"');
  });
});
