// The definitions of Cloud Run and the pipeline as data.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readCall, type Call } from './gcloud.ts';
import { ROOT } from './image.ts';

export const NAMES = {
  PROJECT: 'clinic-production',
  REGION: 'us-central1',
  IMAGE: 'us-central1-docker.pkg.dev/clinic-build/medspa/api:abc',
  API_URL: 'https://api.clinic.example',
  APP_URL: 'https://app.clinic.example',
  CORS_ORIGINS: 'https://app.clinic.example,https://book.clinic.example',
};

/** A file of deploy/, as text. */
export function readDeploy(path: string): string {
  return readFileSync(join(ROOT, 'deploy', path), 'utf8');
}

/** A definition with its names filled in, as `deploy/render.sh` prints it. */
export function rendered(path: string): string {
  const { PATH = '' } = process.env;
  return execFileSync('bash', ['deploy/render.sh', `deploy/${path}`], { cwd: ROOT, encoding: 'utf8', env: { PATH, ...NAMES } });
}

export type Probe = Record<string, unknown> & { httpGet: { path: string; port: number } };
export type Container = {
  name: string;
  image: string;
  command?: string[];
  args?: string[];
  ports?: { containerPort: number }[];
  resources: { limits: { cpu: string; memory: string } };
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[];
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
};
export type Revision = {
  metadata: { annotations: Record<string, string> };
  spec: { serviceAccountName: string; containerConcurrency?: number; timeoutSeconds?: number; containers: Container[] };
};

export const service = () => parse(rendered('cloudrun/service.yaml')) as { metadata: { name: string }; spec: { template: Revision } };
export const worker = () =>
  parse(rendered('cloudrun/worker.yaml')) as {
    metadata: { name: string; annotations: Record<string, string> };
    spec: { template: Revision };
  };
export const migrateJob = () =>
  parse(rendered('cloudrun/migrate-job.yaml')) as {
    metadata: { name: string };
    spec: { template: { metadata: Revision['metadata']; spec: { template: { spec: Revision['spec'] & { maxRetries: number } } } } };
  };

/** A step of the pipeline, its substitutions made. */
export type Step = { id: string; name: string; program: string; args: string[]; env: Record<string, string> };

type Pipeline = {
  substitutions: Record<string, string>;
  timeout: string;
  steps: { id: string; name: string; entrypoint?: string; args: string[]; env?: string[] }[];
};

export function pipeline(): Pipeline {
  return parse(readDeploy('cloudbuild.yaml')) as Pipeline;
}

/** The steps as Cloud Build runs them. Throws for a `${...}` that nothing replaces. */
export function pipelineSteps(given: Record<string, string> = { PROJECT_ID: 'clinic-build', COMMIT_SHA: 'abc' }): Step[] {
  const { substitutions, steps } = pipeline();
  const values: Record<string, string> = { ...given, ...substitutions };
  const fill = (text: string): string =>
    text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined) throw new Error(`Nothing replaces \${${name}}.`);
      return fill(value);
    });
  return steps.map(({ id, name, entrypoint, args, env = [] }) => ({
    id,
    name,
    program: entrypoint ?? name.split('/').at(-1) ?? '',
    args: args.map(fill),
    env: Object.fromEntries(env.map((pair) => [pair.slice(0, pair.indexOf('=')), fill(pair.slice(pair.indexOf('=') + 1))])),
  }));
}

/** The call of gcloud that a step is. */
export function callOf(id: string): Call {
  const step = pipelineSteps().find((one) => one.id === id);
  if (step?.program !== 'gcloud') throw new Error(`${id} is no step that calls gcloud.`);
  return readCall(step.args);
}
