import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drill } from '../src/drills/drill.ts';
import { openDrillGround } from '../src/drills/ground.ts';
import type { ServiceProcess } from '../src/drills/process.ts';
import { readDrillSettings } from '../src/drills/settings.ts';
import { openLiveDatabase } from '../src/live/database.ts';
import { openLiveService } from '../src/live/service.ts';
import { memoryFiles } from '../src/project/files.ts';
import { openProject } from '../src/project/project.ts';
import { passed } from '../src/check.ts';

const SMALLEST = {
  // Alive and ready for ever, and deaf to SIGTERM.
  start: [
    'node',
    '-e',
    'process.on("SIGTERM", () => {}); require("http").createServer((_, answer) => answer.end()).listen(+process.env.PORT, "127.0.0.1"); console.log(process.env.TOKEN, process.env.HIDDEN)',
  ],
  databaseEnv: 'DATABASE_URL',
  portEnv: 'PORT',
  ready: '/ready',
  live: '/live',
  read: { path: '/things' },
};
const json = (changes: object) => JSON.stringify({ drill: { ...SMALLEST, ...changes } });

let t: TestDatabase;
let url: string;
beforeAll(async () => {
  t = await createTestDatabase();
  const { host, port, user, password, database } = t.runtime;
  url = `postgresql://${user}:${password}@${host}:${port}/${database}?connection_limit=3&schema=public`;
});
afterAll(() => t.drop());

describe('the drill section of readiness.json', () => {
  test('has defaults for what most projects share', () => {
    const { settings } = readDrillSettings(json({}), {});
    expect(settings).toMatchObject({
      health: '/health',
      metrics: null,
      concurrency: 80,
      patienceSeconds: 12,
      connections: null,
      write: null,
      read: { method: 'GET' },
    });
  });

  test('takes ${NAME} from the environment, anywhere, and knows that it is not to be repeated', () => {
    const { settings, secrets } = readDrillSettings(json({ env: { A: 'x-${TOKEN}' }, write: { path: '/', body: { of: ['${TOKEN}'] } } }), {
      TOKEN: 'hidden-token',
    });
    expect(settings.env['A']).toBe('x-hidden-token');
    expect(settings.write?.body).toEqual({ of: ['hidden-token'] });
    expect(new Set(secrets)).toEqual(new Set(['hidden-token']));
  });

  test('of this repository can be used', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../readiness.json'), 'utf8');
    const names = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => [name, 'given'] as const);
    const { settings } = readDrillSettings(text, Object.fromEntries(names));
    expect(existsSync(join(import.meta.dirname, '../../..', settings.start[1] ?? ''))).toBe(true);
  });

  test.each([
    [null, 'Drills need a readiness.json'],
    ['{', 'is not JSON'],
    ['{}', 'has no "drill"'],
    ['{"drill":{}}', 'drill.start: the program and its arguments'],
    ['{"drill":{}}', 'drill.databaseEnv: is missing'],
    ['{"drill":{}}', 'drill.read: is missing'],
    [json({ start: ['npm', 'start'] }), 'drill.start: name the program itself; "npm"'],
    [json({ start: 'node main.js' }), 'drill.start: must be a list'],
    [json({ ready: 'http://example.com/ready' }), 'drill.ready: a path of the service'],
    [json({ read: { path: '//example.com/' } }), 'drill.read.path: a path of the service'],
    [json({ write: { method: 'post', path: '/' } }), 'drill.write.method: in capitals'],
    [json({ canary: [{ path: '/' }, {}] }), 'drill.canary[1].path: is missing'],
    [json({ weakEnv: { KEY: [{ repeat: '0', time: 64 }] } }), 'drill.weakEnv.KEY[0].time: is not known'],
    [json({ concurency: 80 }), 'drill.concurency: is not known'],
    [json({ concurrency: 0.5 }), 'drill.concurrency: must be a whole number'],
    [json({ audit: { read: 'a; DROP TABLE b' } }), 'drill.audit.read: a table'],
    [json({ env: { KEY: '${MISSING}' } }), 'drill.env.KEY: the environment has no MISSING'],
  ])('%s is refused by the field', (text, says) => {
    expect(() => readDrillSettings(text, {})).toThrow(says);
  });
});

describe('the ground', () => {
  const project = openProject({ ...memoryFiles({ 'readiness.json': json({ env: { TOKEN: '${TOKEN}' } }) }), folder: '/' });
  const environment = () => ({ DATABASE_URL: url, TOKEN: 'hidden-token', HIDDEN: 'not for the service' });

  test.each([
    'postgresql://u:secret-word@db.example.com:5432/name',
    'postgresql://u:secret-word@10.0.0.5/name',
    'postgresql://u:secret-word@127.0.0.1,10.0.0.5/name',
    'postgresql://u:secret-word@localhost/name?host=/cloudsql/a:b:c',
    'postgresql://u:secret-word@localhost.example.com/name',
  ])('is only this machine: %s is refused', async (databaseUrl) => {
    const opened = openDrillGround(project, { environment: environment(), databaseUrl });
    await expect(opened).rejects.toThrow(/run only against 127\.0\.0\.1|is not a URL/);
    await expect(opened).rejects.not.toThrow('secret-word');
  });

  test('tells which variable is missing', async () => {
    await expect(openDrillGround(project, { environment: { TOKEN: 'x' } })).rejects.toThrow('The environment has no DATABASE_URL');
  });

  test('gives the service what readiness.json says and nothing else, and quotes without secrets', async () => {
    await using ground = await openDrillGround(project, { environment: environment() });
    const service = await ground.start();
    expect(service.output()).toBe('hidden-token undefined\n');
    expect(ground.quoted(service.output())).toBe('*** undefined');
  });

  test('has no process left after a drill, also one that throws, nor after itself', async () => {
    const left: ServiceProcess[] = [];
    const isGone = () => left.every((one) => one.ending()?.signal === 'SIGKILL');
    {
      await using ground = await openDrillGround(project, { environment: environment() });
      const throws = drill('throws', async ({ start }) => {
        left.push(await start());
        throw new Error('it broke');
      });
      expect(await throws(ground)).toMatchObject({ verdict: 'could not check', reason: 'it broke' });
      expect(isGone()).toBe(true);
      const passes = drill('passes', async ({ start, proxy }) => {
        left.push(await start());
        proxy.hold();
        return passed('it went well');
      });
      expect((await passes(ground)).verdict).toBe('pass');
      expect(isGone()).toBe(true);
      const hangs = drill(
        'hangs',
        async ({ start }) => {
          const service = await start();
          left.push(service);
          await service.ended;
          return passed('it ended by itself');
        },
        1_500,
      );
      expect(await hangs(ground)).toMatchObject({ verdict: 'could not check', reason: 'the drill did not end within 1.5 s' });
      expect(isGone()).toBe(true);
      left.push(await ground.start());
    }
    expect(left).toHaveLength(4);
    expect(isGone()).toBe(true);
  });
});

describe('the live database', () => {
  test('is signed in as the service, only reads, and knows the own limits of the service', async () => {
    await using database = await openLiveDatabase(url);
    expect(await database.query<{ current_user: string }>('SELECT current_user')).toEqual([{ current_user: 'app_rw' }]);
    await expect(database.query('UPDATE health_probe SET at = now()')).rejects.toThrow('read-only');
    const [limit] = await database.query<{ setting: string; reset_val: string }>(
      `SELECT setting, reset_val FROM pg_settings WHERE name = 'statement_timeout'`,
    );
    expect(limit?.setting).toBe('5000');
    expect(limit?.reset_val).not.toBe('5000');
  });

  test.each([
    ['postgresql://nobody:secret-word@127.0.0.1:1/name', '"name" at 127.0.0.1:1 as "nobody" cannot be reached'],
    ['postgresql://u:secret/word%@host/x', 'must be percent-encoded'],
  ])('that cannot be reached is told without the password: %s', async (given, says) => {
    await expect(openLiveDatabase(given)).rejects.toThrow(says);
    await expect(openLiveDatabase(given)).rejects.not.toThrow('secret');
  });

  test('does not repeat a wrong password', async () => {
    const wrong = new URL(url);
    wrong.password = 'secret-word';
    await expect(openLiveDatabase(wrong.href)).rejects.toThrow('as "app_rw" cannot be reached: password authentication failed');
    await expect(openLiveDatabase(wrong.href)).rejects.not.toThrow('secret-word');
  });
});

describe('the live service', () => {
  const servers = new Map<string, string>();
  beforeAll(async () => {
    for (const name of ['service', 'metrics']) {
      const server = createServer((request, response) => {
        if (request.url === '/never') return;
        response.writeHead(request.url === '/moved' ? 302 : 404, { location: '/sign-in' }).end(JSON.stringify({ name, at: request.url }));
      });
      server.unref();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      servers.set(name, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    }
  });

  test('answers whatever it says, metrics from their own port', async () => {
    const service = openLiveService(`${servers.get('service')}/`, servers.get('metrics'));
    expect(await service.get('/health')).toMatchObject({ status: 404, json: { name: 'service', at: '/health' } });
    expect(await service.get('/moved')).toMatchObject({ status: 302 });
    expect((await service.get('/metrics')).json).toEqual({ name: 'metrics', at: '/metrics' });
    const elsewhere = openLiveService(servers.get('service') ?? '', `${servers.get('metrics')}/inner/metrics`);
    expect((await elsewhere.get('/metrics')).json).toEqual({ name: 'metrics', at: '/inner/metrics' });
  });

  test('that says nothing in time, or is not there, is told by its address', async () => {
    const service = openLiveService(servers.get('service') ?? '');
    await expect(service.get('/never', { withinMillis: 100 })).rejects.toThrow(/\/never: no answer within 100 ms/);
    await expect(openLiveService('http://127.0.0.1:2').get('/')).rejects.toThrow('ECONNREFUSED');
    expect(() => openLiveService('somewhere')).toThrow('is not an http(s) address');
  });
});
