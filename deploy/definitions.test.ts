import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_POOL } from '@medspa/database';
import { afterAll, describe, expect, test } from 'vitest';
import { JOB_CONNECTIONS } from '../apps/api/src/platform/jobs.ts';
import { HTTP_MILLIS } from '../apps/api/src/platform/server.ts';
import {
  callOf,
  migrateJob,
  NAMES,
  pipeline,
  pipelineSteps,
  readDeploy,
  rendered,
  service,
  worker,
  type Container,
  type Probe,
} from './test/definitions.ts';
import { readCall } from './test/gcloud.ts';
import { readDockerfile } from './test/dockerfile.ts';
import { runShell } from './test/shell.ts';

const folder = mkdtempSync(join(tmpdir(), 'medspa-definitions-'));
afterAll(() => rmSync(folder, { recursive: true }));

const env = ({ env: entries = [] }: Container) =>
  Object.fromEntries(entries.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));
const secrets = ({ env: entries = [] }: Container) =>
  Object.fromEntries(
    entries.flatMap(({ name, valueFrom }) => (valueFrom ? [[name, `${valueFrom.secretKeyRef.name}:${valueFrom.secretKeyRef.key}`]] : [])),
  );
const listOf = (text = '') => Object.fromEntries(text.split(',').map((pair) => pair.split('=', 2) as [string, string]));
const first = ({ containers }: { containers: Container[] }): Container => containers[0] ?? ({} as Container);

/** The call of `gcloud sql instances create` in the instance script. */
async function instance() {
  const { calls, status, said } = await runShell(folder, 'deploy/instance.sh', { env: { PROJECT: NAMES.PROJECT, REGION: NAMES.REGION } });
  expect(status, said).toBe(0);
  return calls.find(({ command }) => command === 'sql instances create')?.flags ?? {};
}

describe('the service', () => {
  const { metadata, spec } = service();
  const { annotations } = spec.template.metadata;
  const api = first(spec.template.spec);

  test('has the bounds of the budget row, and a request limit above that of the service itself', () => {
    expect(annotations).toMatchObject({ 'autoscaling.knative.dev/minScale': '1', 'autoscaling.knative.dev/maxScale': '10' });
    expect(spec.template.spec).toMatchObject({ containerConcurrency: 80, timeoutSeconds: 60 });
    expect(60_000).toBeGreaterThan(HTTP_MILLIS);
  });

  test('with its worker fits the connections of the instance, all deployments overlapping', async () => {
    const flags = listOf((await instance())['--database-flags']);
    const pool = Number(env(api)['DATABASE_POOL_MAX']);
    expect(pool).toBe(DEFAULT_POOL.poolMax);
    expect(env(api)['JOBS']).toBe('off');
    const ofWorker = Number(env(first(worker().spec.template.spec))['DATABASE_POOL_MAX']) + 1 + JOB_CONNECTIONS;
    const kept = 13;
    const most = 10 * 2 * (pool + 1) + 2 * ofWorker + kept;
    expect(most).toBe(215);
    expect(most).toBeLessThanOrEqual(0.9 * Number(flags['max_connections']));
    expect(readDeploy('cloudrun/service.yaml')).toContain('= 215, of 90 % of 250 = 225');
  });

  test('takes secrets from Secret Manager by pinned versions, and says none itself', () => {
    expect(secrets(api)).toEqual({ DATABASE_URL: 'database-url:1', ENCRYPTION_KEY: 'encryption-key:1' });
    for (const path of ['cloudrun/service.yaml', 'cloudrun/worker.yaml', 'cloudrun/migrate-job.yaml', 'cloudbuild.yaml'])
      expect(readDeploy(path), path).not.toMatch(/latest|postgresql:\/\/|[0-9a-f]{64}/);
  });

  test('reaches the database by the socket, over the private network', async () => {
    expect(annotations).toMatchObject({
      'run.googleapis.com/cloudsql-instances': `${NAMES.PROJECT}:${NAMES.REGION}:medspa`,
      'run.googleapis.com/vpc-access-egress': 'private-ranges-only',
    });
    expect(JSON.parse(annotations['run.googleapis.com/network-interfaces'] ?? '')).toEqual([
      { network: 'medspa', subnetwork: 'medspa-run' },
    ]);
    expect(await instance()).toMatchObject({
      '--assign-ip': 'false',
      '--network': `projects/${NAMES.PROJECT}/global/networks/medspa`,
      '--deletion-protection': 'true',
      '--enable-point-in-time-recovery': 'true',
      '--insights-config-query-insights-enabled': 'true',
    });
  });

  test('is asked where it answers: startup and readiness ask the database, liveness does not', () => {
    const asked = ({ httpGet }: Probe = {} as Probe) => httpGet;
    const port = api.ports?.[0]?.containerPort ?? 0;
    expect(asked(api.startupProbe)).toEqual({ path: '/health/ready', port });
    expect(asked(api.readinessProbe)).toEqual({ path: '/health/ready', port });
    expect(asked(api.livenessProbe)).toEqual({ path: '/health/live', port });
    expect(readDockerfile(readDeploy('Dockerfile')).at(-1)?.instructions).toContainEqual(
      expect.objectContaining({ verb: 'EXPOSE', rest: String(port) }),
    );
  });

  test('shows its metrics inside the instance only', () => {
    expect(env(api)['METRICS_PORT']).toBe('9090');
    expect(env(api)['METRICS_HOST']).toBeUndefined();
    expect(readDeploy('cloudrun/monitoring.yaml')).toContain('port: 9090');
    expect(api.ports).toHaveLength(1);
  });

  test('is what the pipeline deploys, in both environments', () => {
    for (const [id, project] of [
      ['deploy-staging', 'clinic-staging'],
      ['deploy-production', 'clinic-production'],
    ] as const) {
      const { positional, flags } = callOf(id);
      expect(positional).toEqual([metadata.name]);
      expect(flags).toMatchObject({
        '--project': project,
        '--allow-unauthenticated': 'true',
        '--min-instances': annotations['autoscaling.knative.dev/minScale'],
        '--max-instances': annotations['autoscaling.knative.dev/maxScale'],
        '--concurrency': String(spec.template.spec.containerConcurrency),
        '--timeout': String(spec.template.spec.timeoutSeconds),
        '--execution-environment': annotations['run.googleapis.com/execution-environment'],
        '--add-cloudsql-instances': `${project}:us-central1:medspa`,
        '--vpc-egress': annotations['run.googleapis.com/vpc-access-egress'],
        '--service-account': spec.template.spec.serviceAccountName.replace(NAMES.PROJECT, project),
        '--container': api.name,
        '--port': String(api.ports?.[0]?.containerPort),
        '--cpu': api.resources.limits.cpu,
        '--memory': api.resources.limits.memory,
      });
      expect(listOf(flags['--set-secrets'])).toEqual(secrets(api));
      const { GCP_PROJECT_ID, ...said } = listOf(flags['--update-env-vars']);
      expect(GCP_PROJECT_ID).toBe(project);
      expect(env(api)).toMatchObject(said);
      for (const [flag, probe] of [
        ['--startup-probe', api.startupProbe],
        ['--liveness-probe', api.livenessProbe],
      ] as const)
        expect(listOf(flags[flag])).toEqual(flattened(probe));
    }
  });
});

/** A probe as the flags write it. */
function flattened({ httpGet, ...rest }: Probe = {} as Probe): Record<string, string> {
  const entries = [...Object.entries(httpGet).map(([key, value]) => [`httpGet.${key}`, value]), ...Object.entries(rest)];
  return Object.fromEntries(entries.map(([key, value]) => [String(key), String(value)]));
}

test('the worker runs jobs only, once, on the same secrets, and is what the pipeline deploys', () => {
  const { metadata, spec } = worker();
  const container = first(spec.template.spec);
  expect([...(container.command ?? []), ...(container.args ?? [])]).toEqual(['node', 'apps/api/src/worker.ts']);
  expect(metadata.annotations['run.googleapis.com/manualInstanceCount']).toBe('1');
  for (const id of ['worker-staging', 'worker-production']) {
    const { positional, flags } = callOf(id);
    expect(positional).toEqual([metadata.name]);
    expect(flags).toMatchObject({
      '--instances': '1',
      '--command': 'node',
      '--args': 'apps/api/src/worker.ts',
      '--container': container.name,
    });
    expect(listOf(flags['--set-secrets'])).toEqual(secrets(container));
    const { GCP_PROJECT_ID: project = '', ...said } = listOf(flags['--update-env-vars']);
    // What is named after its project is named after this step's.
    const here = Object.entries(env(container)).map(([name, value]) => [name, value?.replace(NAMES.PROJECT, project)]);
    expect(Object.fromEntries(here)).toMatchObject(said);
  }
});

test('the migration job runs as the owner, once, and is what the pipeline deploys and waits for', () => {
  const { metadata, spec } = migrateJob();
  const { serviceAccountName, maxRetries, containers } = spec.template.spec.template.spec;
  const container = first({ containers });
  expect(maxRetries).toBe(0);
  expect(secrets(container)).toEqual({ DATABASE_OWNER_URL: 'database-owner-url:1' });
  for (const [environment, project] of [
    ['staging', 'clinic-staging'],
    ['production', 'clinic-production'],
  ]) {
    const { positional, flags } = callOf(`migrate-${environment}`);
    expect(positional).toEqual([metadata.name]);
    expect(flags).toMatchObject({
      '--command': container.command?.join(','),
      '--args': container.args?.join(','),
      '--set-cloudsql-instances': `${project}:us-central1:medspa`,
      '--service-account': serviceAccountName.replace(NAMES.PROJECT, project ?? ''),
      '--set-secrets': 'DATABASE_OWNER_URL=database-owner-url:1',
      '--vpc-egress': 'private-ranges-only',
      '--max-retries': '0',
    });
    expect(callOf(`run-migrations-${environment}`)).toMatchObject({
      command: 'run jobs execute',
      positional: [metadata.name],
      flags: { '--wait': 'true' },
    });
  }
});

describe('the pipeline', () => {
  test('goes in the order that a release needs, and every step is one that its program takes', () => {
    const order = [
      'build',
      'push',
      'scan',
      'run-migrations-staging',
      'deploy-staging',
      'smoke-staging',
      'run-migrations-production',
      'deploy-production',
      'smoke-production',
      'shift-production',
    ];
    const steps = pipelineSteps();
    expect(steps.map(({ id }) => id).filter((id) => order.includes(id))).toEqual(order);
    for (const { program, args } of steps.filter((step) => step.program === 'gcloud'))
      expect(() => readCall(args), `${program} ${args.join(' ')}`).not.toThrow();
    const docker = steps.filter(({ program }) => program === 'docker').map(({ args }) => args.join(' '));
    const image = 'us-central1-docker.pkg.dev/clinic-build/medspa/api:abc';
    expect(docker).toEqual([`build --file=deploy/Dockerfile --tag=${image} .`, `push ${image}`]);
  });

  test('gives the new revision of production no traffic before it was tried', () => {
    expect(callOf('deploy-production').flags).toMatchObject({ '--no-traffic': 'true', '--tag': 'candidate' });
    expect(pipelineSteps().find(({ id }) => id === 'smoke-production')?.env).toMatchObject({ TAG: 'candidate' });
  });

  test('has projects, region, image path, memory and CPU as substitutions', () => {
    expect(Object.keys(pipeline().substitutions)).toEqual([
      '_STAGING_PROJECT',
      '_PRODUCTION_PROJECT',
      '_REGION',
      '_IMAGE',
      '_MEMORY',
      '_CPU',
    ]);
    const text = readDeploy('cloudbuild.yaml').replace(/^substitutions:\n(?: .*\n|#.*\n)+/m, '');
    expect(text).not.toMatch(/clinic-|us-central1|1Gi/);
  });
});

describe('deploy/render.sh', () => {
  test('fills in every name, and fails on one that is not set', async () => {
    expect(rendered('cloudrun/service.yaml')).not.toContain('${');
    const { status, said } = await runShell(folder, 'deploy/render.sh deploy/cloudrun/service.yaml', {
      env: { PROJECT: 'p', REGION: 'r' },
    });
    expect([status, said]).toEqual([1, 'IMAGE is not set\n']);
  });
});

describe('the stand-in of gcloud refuses', () => {
  test.each([
    [['run', 'deployy', 'api'], 'Invalid choice'],
    [['run', 'deploy', 'api', '--imagge=x'], 'unrecognized arguments: --imagge=x'],
    [['run', 'deploy', 'api', '--image'], 'expected one argument'],
    [['run', 'deploy', 'api', '--no-image'], 'unrecognized arguments: --no-image'],
    [['run', 'deploy', 'api', '--execution-environment=gen3'], 'gen3 is not one of gen1, gen2'],
    [['run', 'jobs', 'execute', 'm', '--wait=yes'], 'takes no value'],
    [['sql', 'instances', 'create', 'x', '--query-insights'], 'unrecognized arguments'],
  ])('%j', (args, said) => {
    expect(() => readCall(args)).toThrow(said);
  });

  test('and takes what gcloud takes', () => {
    expect(
      readCall(['run', 'deploy', 'api', '--image', 'x', '--no-cpu-boost', '--no-allow-unauthenticated', '--quiet', '--project=p']),
    ).toEqual({
      command: 'run deploy',
      positional: ['api'],
      flags: { '--image': 'x', '--cpu-boost': 'false', '--allow-unauthenticated': 'false', '--quiet': 'true', '--project': 'p' },
    });
  });
});
