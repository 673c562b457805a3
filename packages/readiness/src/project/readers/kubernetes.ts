// Manifests of Kubernetes: workloads with what scales them, and the values that they share.
import type { Deployment, EnvSetting, Setting } from '../deployment.ts';
import { defined } from './gcloud.ts';
import { readContainer } from './pods.ts';
import { numberSetting } from './values.ts';
import { textSetting, type Yaml } from './yaml.ts';

type Scale = { target: string; file: string; min?: Setting<number>; max?: Setting<number> };

const WORKLOADS = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'Rollout', 'Job', 'CronJob', 'Pod']);
const PROXY = /cloud-?sql-?proxy/;

/** All manifests of the project together, since what scales a workload may stand in another file. */
export function readManifests(roots: Yaml[]): { deployments: Deployment[]; shared: EnvSetting[] } {
  const deployments = roots.flatMap(readWorkload);
  for (const scale of roots.flatMap(readScaler)) {
    const own = deployments.filter(({ name, role }) => name === scale.target && role !== 'job');
    // Overlays scale the workload of their own folder, else that of the base.
    const near = own.filter(({ place }) => folderOf(place.file) === folderOf(scale.file));
    for (const one of near.length > 0 ? near : own) Object.assign(one, defined({ minInstances: scale.min, maxInstances: scale.max }));
  }
  return { deployments, shared: roots.flatMap(readShared) };
}

export function isManifest(root: Yaml): boolean {
  return root.get('apiVersion')?.text !== undefined && root.get('kind')?.text !== undefined;
}

function readWorkload(root: Yaml): Deployment[] {
  const kind = root.get('kind')?.text ?? '';
  if (!WORKLOADS.has(kind)) return [];
  const spec = root.get('spec');
  const pod = kind === 'Pod' ? spec : (kind === 'CronJob' ? spec?.get('jobTemplate', 'spec') : spec)?.get('template', 'spec');
  const containers = pod?.get('containers')?.items() ?? [];
  const proxies = containers.concat(pod?.get('initContainers')?.items() ?? []).filter((one) => PROXY.test(one.get('image')?.text ?? ''));
  const main = containers.find((one) => !proxies.includes(one));
  // Without an image it is a patch of a workload that stands elsewhere.
  if (!main?.get('image')) return [];
  const name = root.get('metadata', 'name')?.text ?? 'workload';
  const place = root.get('kind')?.place ?? root.place;
  const isJob = kind === 'Job' || kind === 'CronJob';
  const replicas = spec?.get('replicas');
  const count = replicas ? numberSetting(replicas.text, replicas.place) : { value: 1, place };
  const common = defined({ sqlInstances: sqlInstances(proxies), serviceAccount: textSetting(pod?.get('serviceAccountName') ?? null) });
  const workload: Deployment = {
    platform: 'kubernetes',
    name,
    role: isJob ? 'job' : main.get('ports') ? 'service' : 'worker',
    form: 'definition',
    place,
    ...(isJob ? {} : defined({ minInstances: count, maxInstances: count })),
    ...common,
    ...readContainer(main),
  };
  const before = (pod?.get('initContainers')?.items() ?? []).filter((one) => !proxies.includes(one));
  const jobs = before.map((one): Deployment => ({
    platform: 'kubernetes',
    name: `${name}/${one.get('name')?.text ?? 'init'}`,
    role: 'job',
    form: 'definition',
    place: one.place,
    verb: 'initContainer',
    ...common,
    ...readContainer(one),
  }));
  return [workload, ...jobs];
}

/** `project:region:instance` among the proxy's arguments, also as `-instances=...=tcp:5432`. */
function sqlInstances(proxies: Yaml[]): Setting<string[]> | undefined {
  for (const proxy of proxies)
    for (const part of ['args', 'command'])
      for (const { text, place } of proxy.get(part)?.items() ?? []) {
        const found = text?.match(/[\w$.{}()-]+:[\w$.{}()-]+:[\w$.{}()-]+/g)?.filter((one) => !one.startsWith('tcp:'));
        if (found && found.length > 0) return { value: found, place };
      }
  return undefined;
}

function readScaler(root: Yaml): Scale[] {
  const kind = root.get('kind')?.text;
  const target = root.get('spec', 'scaleTargetRef', 'name')?.text;
  if (!target || (kind !== 'HorizontalPodAutoscaler' && kind !== 'ScaledObject')) return [];
  const number = (...names: string[]) => {
    const yaml = names.map((name) => root.get('spec', name)).find(Boolean);
    return yaml ? numberSetting(yaml.text, yaml.place) : undefined;
  };
  return [
    {
      target,
      file: root.place.file,
      ...defined({ min: number('minReplicas', 'minReplicaCount'), max: number('maxReplicas', 'maxReplicaCount') }),
    },
  ];
}

function readShared(root: Yaml): EnvSetting[] {
  const kind = root.get('kind')?.text;
  if (kind !== 'Secret' && kind !== 'ConfigMap') return [];
  return ['data', 'stringData'].flatMap((part) =>
    (root.get(part)?.entries() ?? []).flatMap(([name, { text, place }]) => {
      if (text === null) return [];
      return [{ name, place, value: kind === 'Secret' && part === 'data' ? Buffer.from(text, 'base64').toString('utf8') : text }];
    }),
  );
}

function folderOf(file: string): string {
  return file.slice(0, file.lastIndexOf('/') + 1);
}
