// render.yaml: services, workers and jobs of Render, with what runs before a deployment.
import type { Deployment, EnvSetting } from '../deployment.ts';
import { defined } from './gcloud.ts';
import { numberSetting } from './values.ts';
import { textSetting, type Yaml } from './yaml.ts';

const ROLES: Record<string, Deployment['role']> = { web: 'service', pserv: 'service', worker: 'worker', cron: 'job' };

export function readRender(root: Yaml): { deployments: Deployment[]; shared: EnvSetting[] } {
  const environments = (root.get('projects')?.items() ?? []).flatMap((project) => project.get('environments')?.items() ?? []);
  const parts = [root, ...environments];
  return {
    deployments: parts.flatMap((part) => part.get('services')?.items() ?? []).flatMap(readService),
    shared: parts.flatMap((part) => part.get('envVarGroups')?.items() ?? []).flatMap((group) => envOf(group)),
  };
}

function readService(service: Yaml): Deployment[] {
  const role = ROLES[service.get('type')?.text ?? ''];
  const runtime = service.get('runtime')?.text ?? service.get('env')?.text;
  if (!role || runtime === 'static') return [];
  const name = service.get('name')?.text ?? 'service';
  const number = (yaml: Yaml | null) => (yaml ? numberSetting(yaml.text, yaml.place) : undefined);
  const fixed = number(service.get('numInstances')) ?? { value: 1, place: service.place };
  const health = service.get('healthCheckPath');
  const before = service.get('preDeployCommand');
  const env = envOf(service);
  const deployment: Deployment = {
    platform: 'render',
    name,
    role,
    form: 'definition',
    place: service.place,
    ...defined({
      image: textSetting(service.get('image', 'url')),
      command: textSetting(service.get('startCommand') ?? service.get('dockerCommand')),
      minInstances: role === 'job' ? undefined : (number(service.get('scaling', 'minInstances')) ?? fixed),
      maxInstances: role === 'job' ? undefined : (number(service.get('scaling', 'maxInstances')) ?? fixed),
      // A plan is memory and CPU in one.
      memory: textSetting(service.get('plan')),
    }),
    env,
    probes: health?.text ? [{ kind: 'health', path: health.text, place: health.place, seconds: {} }] : [],
  };
  if (!before?.text) return [deployment];
  const job: Deployment = {
    platform: 'render',
    name: `${name}/preDeployCommand`,
    role: 'job',
    form: 'definition',
    verb: 'preDeployCommand',
    place: before.place,
    command: { value: before.text, place: before.place },
    env,
    probes: [],
  };
  return [deployment, job];
}

/** What is generated, asked for, or taken from a database is not written in the file. */
function envOf(owner: Yaml): EnvSetting[] {
  return (owner.get('envVars')?.items() ?? []).flatMap((item): EnvSetting[] => {
    const name = item.get('key')?.text;
    if (!name) return [];
    const value = item.get('value');
    if (value) return [{ name, place: value.place, ...(value.text === null ? {} : { value: value.text }) }];
    const from = item.get('fromDatabase', 'name')?.text ?? item.get('fromService', 'name')?.text ?? name;
    return [{ name, place: item.place, secret: { name: from, version: null } }];
  });
}
