// Docker Compose: each service as a deployment.
import type { Deployment, EnvSetting, Probe } from '../deployment.ts';
import { defined } from './gcloud.ts';
import { numberSetting, pathOfCommand, secondsOf, secondsOfProbe } from './values.ts';
import { textSetting, type Yaml } from './yaml.ts';

export function isCompose(path: string): boolean {
  return /(^|\/)(docker-)?compose([.-][\w-]+)*\.ya?ml$/.test(path);
}

export function readCompose(root: Yaml): Deployment[] {
  return (root.get('services')?.entries() ?? []).map(([name, service]) => readService(name, service));
}

function readService(name: string, service: Yaml): Deployment {
  const limits = service.get('deploy', 'resources', 'limits');
  const replicas = service.get('deploy', 'replicas') ?? service.get('scale');
  const count = replicas ? numberSetting(replicas.text, replicas.place) : { value: 1, place: service.place };
  const command = [service.get('entrypoint'), service.get('command')].filter((one) => one !== null);
  const words = command.flatMap((one) => one.text ?? one.items().flatMap(({ text }) => text ?? []));
  const [first] = command;
  const endsByItself = service.get('restart')?.text === 'no' || service.get('restart')?.text === 'false';
  const isJob = endsByItself || (/\bmigrat/.test(words.join(' ')) && !service.get('ports'));
  return {
    platform: 'compose',
    name,
    role: isJob ? 'job' : service.get('ports') || service.get('expose') ? 'service' : 'worker',
    form: 'definition',
    place: service.place,
    ...defined({
      image: textSetting(service.get('image')),
      command: first && words.length > 0 ? { value: words.join(' '), place: first.place } : undefined,
      minInstances: isJob ? undefined : count,
      maxInstances: isJob ? undefined : count,
      cpu: textSetting(limits?.get('cpus') ?? service.get('cpus')),
      memory: textSetting(limits?.get('memory') ?? service.get('mem_limit')),
    }),
    env: envOf(service.get('environment')),
    probes: probeOf(service.get('healthcheck')),
  };
}

/** A map, or a list of `NAME=value`. */
function envOf(environment: Yaml | null): EnvSetting[] {
  const entries =
    environment?.entries().map(([name, { text, place }]) => ({ name, place, ...(text === null ? {} : { value: text }) })) ?? [];
  const items = (environment?.items() ?? []).flatMap(({ text, place }) => {
    const [, name, value] = /^(\w+)(?:=([\s\S]*))?$/.exec(text ?? '') ?? [];
    return name ? [{ name, place, ...(value === undefined ? {} : { value }) }] : [];
  });
  return [...entries, ...items];
}

function probeOf(healthcheck: Yaml | null): Probe[] {
  if (!healthcheck || healthcheck.get('disable')?.text === 'true') return [];
  const test = healthcheck.get('test');
  const command =
    test?.text ??
    test
      ?.items()
      .map(({ text }) => text)
      .join(' ') ??
    '';
  const seconds = (name: string) => secondsOf(healthcheck.get(name)?.text);
  const failures = seconds('retries');
  return [
    {
      kind: 'health',
      path: pathOfCommand(command),
      place: healthcheck.place,
      seconds: secondsOfProbe(seconds('interval'), seconds('timeout'), seconds('start_period')),
      ...(failures === null ? {} : { failures }),
    },
  ];
}
