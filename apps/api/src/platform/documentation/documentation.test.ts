import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROBLEMS } from '@medspa/contracts';
import { createCodec } from '@medspa/database';
import { aClinic, aFolder, aPatient, createTestDatabase, testWrapping, type Clinic, type TestDatabase } from '@medspa/testing';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PASSWORD } from '../../../test/browser.ts';
import { testApp, type TestApp } from '../../../test/harness.ts';
import { openApiDocument } from '../../app.ts';
import { letPracticePeopleIn, ownerOf } from '../../modules/identity/index.ts';
import { createBreaker } from '../breaker.ts';
import { createHttpServer, listen } from '../server.ts';
import { exampleAddress, exampleBody, exampleObject } from './example.ts';
import { firstVisit, PASTED_PASSWORD } from './guide.ts';
import { html, prose } from './html.ts';
import { callsOf, type OpenApi } from './openapi.ts';
import { renderPage } from './page.ts';

const API = 'http://127.0.0.1:8080';
const document = openApiDocument(API);
const calls = callsOf(document);

let t: TestDatabase;
let app: TestApp;
beforeAll(async () => {
  t = await createTestDatabase();
  const clinic = await aClinic(t.database);
  await aPatient(t.database, clinic);
  app = testApp(t.database, { as: clinic });
  await letIn(clinic, 'somebody@clinic.example');
});
afterAll(() => t.drop());

/** Gives the clinic's owner an account. */
async function letIn({ organizationId, actorId }: Clinic, email: string): Promise<void> {
  const asOwner = { organizationId, actor: ownerOf(actorId), requestId: 'test', now: () => new Date() };
  const parts = { database: t.database, codec: createCodec(t.database, testWrapping), breaker: createBreaker().policy };
  await letPracticePeopleIn({ ...parts, ...asOwner }, [{ id: actorId, email }], PASSWORD);
}

const page = async () => (await app.get('/docs')).text;
const idsOf = (markup: string) => [...markup.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);

describe('the page', () => {
  test('has a place for every call, every object and every refusal, once', async () => {
    const ids = idsOf(await page());
    expect(new Set(ids).size).toBe(ids.length);
    for (const { anchor } of calls) expect(ids).toContain(anchor);
    for (const name of Object.keys(document.components.schemas)) expect(ids).toContain(`object-${name}`);
    for (const slug of Object.keys(PROBLEMS)) expect(ids).toContain(`problem-${slug}`);
    expect(calls.length).toBeGreaterThan(40);
  });

  test('tells of every parameter and every field of every body, and gives every call a group', async () => {
    const text = await page();
    for (const call of calls) {
      const section = text.slice(text.indexOf(`id="${call.anchor}"`)).split('</section>')[0] ?? '';
      const fields = Object.keys(call.requestBody?.content['application/json']?.schema.properties ?? {});
      for (const name of [...(call.parameters ?? []).map((parameter) => parameter.name), ...fields])
        expect(section, call.anchor).toContain(`<code class="name">${name}</code>`);
      for (const slug of Object.values(call.responses).flatMap((response) => response['x-problems'] ?? []))
        expect(section, call.anchor).toContain(`#problem-${slug}`);
      expect(document.tags.map(({ name }) => name)).toContain(call.tags[0]);
    }
  });

  test('has no link that leads nowhere', async () => {
    const text = await page();
    const ids = new Set(idsOf(text));
    const links = [...text.matchAll(/ (?:href|src)="([^"]*)"/g)].map(([, link = '']) => link);
    const [within, outward] = [links.filter((link) => link.startsWith('#')), new Set(links.filter((link) => !link.startsWith('#')))];
    for (const link of within) expect(ids, link).toContain(link.slice(1));
    for (const link of outward) expect((await app.get(link)).status, link).toBe(200);
    expect(links.filter((link) => /^(https?:|\/\/|data:|javascript:)/.test(link))).toEqual([]);
  });

  test('is where the type of a problem document leads', async () => {
    const { body } = await app.get<{ type: string }>('/v1/patients/none');
    const { pathname, hash } = new URL(body.type);
    expect(pathname).toBe('/docs');
    expect(idsOf(await page())).toContain(hash.slice(1));
  });

  test('runs no script and takes no style, picture or form but our own: the policy forbids it, and nothing asks for it', async () => {
    const { headers, text } = await app.get('/docs');
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(text).not.toMatch(/<script|<style|<iframe|<form| style=| on[a-z]+=/i);
  });

  test('has its headings in order and its landmarks', async () => {
    const text = await page();
    const levels = [...text.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level));
    expect(levels[0]).toBe(1);
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    for (const [index, level] of levels.entries()) expect(level - (levels[index - 1] ?? 0), `heading ${index}`).toBeLessThanOrEqual(1);
    for (const landmark of ['<header', '<nav aria-label="Contents"', '<main id="content"', 'href="#content"', '<html lang="en"'])
      expect(text).toContain(landmark);
  });

  test('is made once, comes zipped, and is not sent again to whoever has it', async () => {
    const first = await app.get('/docs', { 'accept-encoding': 'gzip' });
    expect(first.headers.get('content-encoding')).toBe('gzip');
    const etag = first.headers.get('etag') ?? '';
    const again = await app.get('/docs', { 'if-none-match': etag });
    expect([again.status, again.text]).toEqual([304, '']);
  });

  test('is where the bare address leads', async () => {
    const { status, headers } = await app.get('/');
    expect([status, headers.get('location')]).toEqual([302, '/docs']);
  });
});

describe('text from elsewhere', () => {
  const HOSTILE = `<img src=x onerror="alert('1')"> & \`<b>\``;

  test('is escaped in every place of the page', () => {
    const infect = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(infect);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [
          key,
          typeof inner === 'string' && /^(summary|description|pattern|title)$/.test(key) ? HOSTILE : infect(inner),
        ]),
      );
    };
    const text = renderPage(infect(document) as OpenApi);
    expect(text).not.toMatch(/<img src=x|<b>|onerror="/);
    expect(text).toContain('&#60;img src=x');
  });

  test('becomes markup only through the tag', () => {
    expect(html`<p>${HOSTILE}${html`<i>${'<'}</i>`}${[null, false, undefined, 0, ['a', '"']]}</p>`.text).toBe(
      '<p>&#60;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&#62; &#38; `&#60;b&#62;`<i>&#60;</i>0a&#34;</p>',
    );
    expect(prose('say `<b>` twice').text).toBe('say <code>&#60;b&#62;</code> twice');
  });
});

describe('examples', () => {
  test.each(calls.map((call) => [`${call.method} ${call.path}`, call] as const))(
    '%s: the request has the documented form',
    async (_name, call) => {
      const { status, text } = await app.send(
        call.method.toUpperCase(),
        exampleAddress(document, call).replace(API, ''),
        exampleBody(document, call),
      );
      expect(status, text).not.toBe(400);
      expect(status, text).toBeLessThan(500);
    },
  );

  test.each(Object.keys(document.components.schemas))('%s: the object is as it is documented', (name) => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    const validate = ajv.addSchema({ ...document, $id: 'api' }).compile({ $ref: `api#/components/schemas/${name}` });
    expect(validate(exampleObject(document, name)), ajv.errorsText(validate.errors)).toBe(true);
  });

  const hasShell = ['bash', 'curl'].every((program) => spawnSync(program, ['--version']).status === 0);
  test.skipIf(!hasShell)('the first visit can be pasted into a shell: it finds a slot, books it and shows the day', async () => {
    const own = await aClinic(t.database);
    await aPatient(t.database, own);
    await letIn(own, 'owner@clinic.example');
    const server = createHttpServer(
      testApp(t.database, { as: 'session', config: { isPractice: true } }).app.fetch,
      'http://127.0.0.1:8080',
    );
    const folder = aFolder();
    try {
      const port = await listen(server, 0, '127.0.0.1');
      const shown = (await page()).split('id="begin"')[1]?.split('</section>')[0] ?? '';
      const commands = [...shown.matchAll(/<pre><code>([\s\S]*?)<\/code>/g)].map(([, text = '']) =>
        text.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))),
      );
      expect(commands).toEqual(firstVisit(API).map((step) => step.commands));
      const script = commands.join('\necho\n').replace(API, `http://127.0.0.1:${port}`).replace(PASTED_PASSWORD, PASSWORD);
      const { stdout, stderr } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder });
      const [booked, day] = stdout
        .trim()
        .split(/\n+/)
        .map((line) => JSON.parse(line) as { id: string; status: string; appointments: { id: string }[] });
      expect(booked, stderr).toMatchObject({ status: 'booked' });
      expect(day?.appointments.map(({ id }) => id)).toEqual([booked?.id]);
    } finally {
      server.close();
      server.closeAllConnections();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('colours', () => {
  const sheet = ['page.css', 'calls.css'].map((name) => readFileSync(join(import.meta.dirname, name), 'utf8')).join('\n');
  const [light = '', dark = ''] = [...sheet.matchAll(/:root \{([^}]*)\}/g)].map(([, block]) => block);
  const pairs = [
    ...['text', 'muted', 'accent', 'required', 'get', 'post', 'put', 'patch', 'delete'].map((ink) => [ink, 'page']),
    ...['text', 'muted', 'get', 'post', 'put', 'patch', 'delete'].map((ink) => [ink, 'surface']),
    ...['text', 'muted'].flatMap((ink) => [
      [ink, 'code'],
      [ink, 'mark'],
    ]),
    ['panel-text', 'panel'],
    ['panel-muted', 'panel'],
  ];
  test.each([
    ['light', light],
    ['dark', dark],
  ])('of the %s scheme can be told apart (WCAG AA, 4.5 to 1)', (_name, block) => {
    for (const [ink = '', ground = ''] of pairs)
      expect(contrast(colour(block, ink), colour(block, ground)), `${ink} on ${ground}`).toBeGreaterThanOrEqual(4.5);
  });
});

function colour(block: string, name: string): number[] {
  const hex = new RegExp(`--${name}: #([0-9a-f]{6})`).exec(block)?.[1];
  if (!hex) throw new Error(`There is no colour ${name}.`);
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
}

/** WCAG 2.2, contrast ratio. */
function contrast(a: number[], b: number[]): number {
  const luminance = (channels: number[]) =>
    channels.reduce(
      (sum, channel, index) =>
        sum + ([0.2126, 0.7152, 0.0722][index] ?? 0) * (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4),
      0,
    );
  const [dim = 0, bright = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (bright + 0.05) / (dim + 0.05);
}
