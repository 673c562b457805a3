// Containers as Cloud Run's definitions and Kubernetes write them alike.
import type { Place } from '../../check.ts';
import type { Deployment, EnvSetting, Probe, Setting } from '../deployment.ts';
import { defined } from './gcloud.ts';
import { secondsOf, secondsOfProbe } from './values.ts';
import { textSetting, type Yaml } from './yaml.ts';

type ContainerSettings = Pick<Deployment, 'image' | 'command' | 'cpu' | 'memory' | 'env' | 'probes'>;

export function readContainer(container: Yaml): ContainerSettings {
  const limit = (name: string) =>
    textSetting(container.get('resources', 'limits', name)) ?? textSetting(container.get('resources', 'requests', name));
  return {
    ...defined({ image: textSetting(container.get('image')), command: commandOf(container), cpu: limit('cpu'), memory: limit('memory') }),
    env: [...(container.get('env')?.items() ?? []).flatMap(envOf), ...(container.get('envFrom')?.items() ?? []).flatMap(envFrom)],
    probes: (['startup', 'liveness', 'readiness'] as const).flatMap((kind) => probeOf(kind, container.get(`${kind}Probe`))),
  };
}

function commandOf(container: Yaml): Setting<string> | undefined {
  const [command, args] = [container.get('command'), container.get('args')];
  const words = [command, args].flatMap((part) => part?.items().flatMap(({ text }) => text ?? []) ?? []);
  const place = (command ?? args)?.place;
  return place && words.length > 0 ? { value: words.join(' '), place } : undefined;
}

/** Cloud Run gives the version of a secret as `key`; Kubernetes the key within it. */
function envOf(item: Yaml): EnvSetting[] {
  const name = item.get('name')?.text;
  if (!name) return [];
  const secret = item.get('valueFrom', 'secretKeyRef');
  const place = item.get('name')?.place ?? item.place;
  if (!secret) {
    const value = item.get('value');
    return [{ name, place: value?.place ?? place, ...(typeof value?.text === 'string' ? { value: value.text } : {}) }];
  }
  const version = secret.get('key')?.text ?? null;
  return [{ name, place, secret: { name: secret.get('name')?.text ?? '', version: version === 'latest' ? null : version } }];
}

function envFrom(item: Yaml): EnvSetting[] {
  const secret = item.get('secretRef', 'name')?.text;
  return secret ? [{ name: '*', place: item.place, secret: { name: secret, version: null } }] : [];
}

function probeOf(kind: Probe['kind'], probe: Yaml | null): Probe[] {
  if (!probe) return [];
  const seconds = (name: string) => secondsOf(probe.get(name)?.text);
  const failures = seconds('failureThreshold');
  const place: Place = probe.place;
  return [
    {
      kind,
      path: probe.get('httpGet', 'path')?.text ?? null,
      place,
      seconds: secondsOfProbe(seconds('periodSeconds'), seconds('timeoutSeconds'), seconds('initialDelaySeconds')),
      ...(failures === null ? {} : { failures }),
    },
  ];
}
