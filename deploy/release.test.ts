import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, TEST_KEY, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startService, type Service } from '../apps/api/src/compose.ts';
import { loadConfig } from '../apps/api/src/platform/config.ts';
import { createLog } from '../apps/api/src/platform/log.ts';
import { pipelineSteps } from './test/definitions.ts';
import { runShell, type Ran } from './test/shell.ts';

const folder = mkdtempSync(join(tmpdir(), 'medspa-release-'));
const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close().closeAllConnections();
  rmSync(folder, { recursive: true });
});

/** The script of a step of the pipeline, as it is called there. */
const scriptOf = (id: string) =>
  pipelineSteps()
    .find((step) => step.id === id)
    ?.args.join(' ') ?? '';

async function serve(answer: (path: string, query: URLSearchParams, authorization: string) => { status?: number; body: string }) {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://here');
    const { status = 200, body } = answer(pathname, searchParams, request.headers.authorization ?? '');
    response.writeHead(status).end(body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the traffic of a new revision', () => {
  /** Runs the shift against figures of Cloud Monitoring, which are asked for each step: requests and those that failed. */
  async function shift(
    figures: ([requests: string, failed: string] | null)[],
    traffic: object[] = [
      { revisionName: 'api-old', percent: 100 },
      { revisionName: 'api-new', percent: 0, tag: 'candidate', url: '' },
    ],
  ): Promise<Ran & { moves: string[]; asked: string[]; probes: number }> {
    const asked: string[] = [];
    let step = -1;
    let probes = 0;
    const address = await serve((path, query, authorization) => {
      if (path === '/health/ready') return { body: String(probes++) };
      const expression = query.get('query') ?? '';
      if (path !== '/v1/projects/clinic/location/global/prometheus/api/v1/query' || authorization !== 'Bearer a-token')
        return { status: 401, body: '' };
      asked.push(expression);
      const isFailed = expression.includes('5xx');
      if (!isFailed) step++;
      const found = figures[Math.min(step, figures.length - 1)];
      if (!found) return { status: 500, body: '' };
      return {
        body: JSON.stringify({
          status: 'success',
          data: { resultType: 'vector', result: [{ metric: {}, value: [1, found[isFailed ? 1 : 0]] }] },
        }),
      };
    });
    const ran = await runShell(folder, `exec bash ${scriptOf('shift-production')}`, {
      env: {
        PROJECT: 'clinic',
        REGION: 'here',
        SERVICE: 'medspa-api',
        TAG: 'candidate',
        MONITORING_URL: address,
        LOOK_SECONDS: '1',
        DELAY_SECONDS: '0',
        PAUSE_SECONDS: '0.4',
      },
      answers: {
        'auth print-access-token': 'a-token',
        'run services describe': { status: { traffic: traffic.map((entry) => ('url' in entry ? { ...entry, url: address } : entry)) } },
      },
    });
    const moves = ran.calls
      .filter(({ command }) => command === 'run services update-traffic')
      .map(({ flags }) => flags['--to-revisions'] ?? `without ${flags['--remove-tags']}`);
    return { ...ran, moves, asked, probes };
  }

  test('grows in three steps while its errors stay below one in a hundred', async () => {
    const { status, said, moves, asked, probes } = await shift([['4000', '39']]);
    expect(status, said).toBe(0);
    expect(moves).toEqual(['api-new=10,api-old=90', 'api-new=50,api-old=50', 'api-new=100', 'without candidate']);
    expect(asked).toHaveLength(6);
    expect(probes).toBeGreaterThanOrEqual(3);
    expect(asked[1]).toBe(
      'sum(increase(run_googleapis_com:request_count{monitored_resource="cloud_run_revision",service_name="medspa-api",revision_name="api-new",response_code_class="5xx"}[1s])) or vector(0)',
    );
  });

  test.each<[string, ([string, string] | null)[], string[]]>([
    ['fails too often at the first step', [['30', '1']], ['api-new=10,api-old=90']],
    [
      'fails too often at the second',
      [
        ['30', '0'],
        ['900', '10'],
      ],
      ['api-new=10,api-old=90', 'api-new=50,api-old=50'],
    ],
    [
      'fails too often with all of it',
      [
        ['30', '0'],
        ['30', '0'],
        ['1e+05', '2e+03'],
      ],
      ['api-new=10,api-old=90', 'api-new=50,api-old=50', 'api-new=100'],
    ],
    ['has no figures', [['0', '0']], ['api-new=10,api-old=90']],
    ['cannot be judged, since nobody answers', [null], ['api-new=10,api-old=90']],
  ])('goes back to the old one when the new one %s', async (_, figures, made) => {
    const { status, said, moves } = await shift(figures);
    expect(status, said).not.toBe(0);
    expect(moves).toEqual([...made, 'api-old=100']);
    expect(said).toContain('Going back to api-old.');
  });

  test('is not touched when two revisions share it, when there is no candidate, or when it has all of it already', async () => {
    const shared = [
      { revisionName: 'a', percent: 50 },
      { revisionName: 'b', percent: 50, tag: 'candidate', url: '' },
    ];
    expect(await shift([], shared)).toMatchObject({ status: 1, moves: [], said: expect.stringContaining('share the traffic') });
    expect(await shift([], [{ revisionName: 'a', percent: 100 }])).toMatchObject({
      status: 1,
      moves: [],
      said: expect.stringContaining('No revision has the tag'),
    });
    expect(await shift([], [{ revisionName: 'a', percent: 100, tag: 'candidate', url: '' }])).toMatchObject({ status: 0, moves: [] });
  });
});

describe('the smoke test', () => {
  let t: TestDatabase;
  let service: Service;
  beforeAll(async () => {
    t = await createTestDatabase();
    const config = await loadConfig({
      DATABASE_HOST: t.runtime.host,
      DATABASE_PASSWORD: t.runtime.password,
      ENCRYPTION_KEY: TEST_KEY,
      PORT: '0',
    });
    const database = { ...t.runtime, applicationName: 'smoke' };
    service = await startService({ ...config, database }, createLog('silent'), { serves: true, runsJobs: false });
  });
  afterAll(async () => {
    await service.lifecycle.stop();
    await t.drop();
  });
  const smoke = (url: string, env: Record<string, string> = {}, args: string[] = []) =>
    runShell(folder, `exec bash ${scriptOf('smoke-staging')} "$@"`, {
      args,
      env: { PAUSE_SECONDS: '0', PROJECT: 'clinic', REGION: 'here', SERVICE: 'medspa-api', ...env },
      answers: {
        'run services describe': {
          status: {
            url,
            traffic: [
              { revisionName: 'api-old', percent: 100 },
              { revisionName: 'api-new', tag: 'candidate', url },
            ],
          },
        },
      },
    });

  test('passes the service as it is, by its own address, by that of a tag, and by any', async () => {
    const url = `http://127.0.0.1:${service.port}`;
    for (const [env, args] of [
      [{}, []],
      [{ TAG: 'candidate' }, []],
      [{}, [url]],
    ] as [Record<string, string>, string[]][]) {
      const { status, said } = await smoke(url, env, args);
      expect(status, said).toBe(0);
      expect(said.match(/^ok/gm)).toHaveLength(6);
    }
  });

  test('fails one that is not ready, shows its metrics, or lets strangers in', async () => {
    const url = await serve((path) =>
      path === '/health/ready' ? { status: 503, body: '{"status":"not_ready"}' } : { body: '{"status":"healthy","openapi":"3.1.0"}' },
    );
    const { status, said } = await smoke(url);
    expect(status).toBe(1);
    expect(said.match(/^FAIL \S+/gm)).toEqual(['FAIL /health/live', 'FAIL /health/ready', 'FAIL /v1/organization', 'FAIL /metrics']);
    expect((await smoke('http://127.0.0.1:1')).status).toBe(1);
    expect((await smoke(url, { TAG: 'gone' })).said).toContain('There is no such address');
  });
});

describe('the scan of an image', () => {
  const finding = (effectiveSeverity: string, fixAvailable: boolean) => ({
    vulnerability: { effectiveSeverity, fixAvailable, shortDescription: 'CVE-1' },
  });
  const scan = (found: object[]) =>
    runShell(folder, `exec bash ${scriptOf('scan')}`, {
      answers: { 'artifacts docker images scan': { response: { scan: 'scans/1' } }, 'artifacts docker images list-vulnerabilities': found },
    });

  test.each<[string, [string, boolean][], number]>([
    ['nothing', [], 0],
    [
      'what is low, or high and without a repair',
      [
        ['LOW', true],
        ['MEDIUM', true],
        ['HIGH', false],
      ],
      0,
    ],
    [
      'what is high and has a repair',
      [
        ['LOW', false],
        ['HIGH', true],
      ],
      1,
    ],
    ['what is critical', [['CRITICAL', false]], 1],
  ])('that finds %s: %o ends with %i', async (_, found, expected) => {
    const { status, said, calls } = await scan(found.map(([severity, repaired]) => finding(severity, repaired)));
    expect(status, said).toBe(expected);
    expect(calls.map(({ positional }) => positional)).toEqual([['us-central1-docker.pkg.dev/clinic-build/medspa/api:abc'], ['scans/1']]);
  });
});
