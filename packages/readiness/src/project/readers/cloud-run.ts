// Definitions of Cloud Run: services (Knative), jobs and worker pools.
import type { Deployment } from '../deployment.ts';
import { defined } from './gcloud.ts';
import { readContainer } from './pods.ts';
import { numberSetting, secondsSetting, type Variables } from './values.ts';
import { textSetting, type Yaml } from './yaml.ts';

const KINDS: Record<string, Deployment['role']> = { Service: 'service', Job: 'job', WorkerPool: 'worker' };

/** Of worker pools, which do not scale by themselves. */
const MANUAL = 'run.googleapis.com/manualInstanceCount';

export function isCloudRun(root: Yaml): boolean {
  return /^(serving\.knative\.dev|run\.googleapis\.com)\//.test(root.get('apiVersion')?.text ?? '') && roleOf(root) !== undefined;
}

export function readCloudRun(root: Yaml, variables: Variables = new Map()): Deployment {
  const role = roleOf(root) ?? 'service';
  const template = root.get('spec', 'template');
  // A job's template holds the template of its tasks.
  const spec = (role === 'job' ? template?.get('spec', 'template', 'spec') : template?.get('spec')) ?? null;
  const annotation = (...names: string[]) =>
    names
      .flatMap((name) => [template?.get('metadata', 'annotations', name), root.get('metadata', 'annotations', name)])
      .find((one) => one?.text) ?? null;
  const number = (yaml: Yaml | null) => yaml && numberSetting(yaml.text, yaml.place, variables);
  const sql = annotation('run.googleapis.com/cloudsql-instances');
  const timeout = spec?.get('timeoutSeconds');
  const [container] = (spec?.get('containers')?.items() ?? []).toSorted(
    (a, b) => Number(Boolean(b.get('ports'))) - Number(Boolean(a.get('ports'))),
  );
  return {
    platform: 'cloud-run',
    name: root.get('metadata', 'name')?.text ?? 'service',
    role,
    form: 'definition',
    place: root.get('kind')?.place ?? root.place,
    env: [],
    probes: [],
    ...(container ? readContainer(container) : {}),
    ...defined({
      minInstances: number(annotation('autoscaling.knative.dev/minScale', 'run.googleapis.com/minScale', MANUAL)) ?? undefined,
      maxInstances: number(annotation('autoscaling.knative.dev/maxScale', 'run.googleapis.com/maxScale', MANUAL)) ?? undefined,
      concurrency: number(spec?.get('containerConcurrency') ?? null) ?? undefined,
      timeoutSeconds: timeout ? secondsSetting(timeout.text, timeout.place, variables) : undefined,
      sqlInstances: sql?.text ? { value: sql.text.split(','), place: sql.place } : undefined,
      vpc: textSetting(annotation('run.googleapis.com/vpc-access-connector', 'run.googleapis.com/network-interfaces')),
      serviceAccount: textSetting(spec?.get('serviceAccountName') ?? null),
    }),
  };
}

function roleOf(root: Yaml): Deployment['role'] | undefined {
  return KINDS[root.get('kind')?.text ?? ''];
}
