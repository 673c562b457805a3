// fly.toml: the service, its other processes, and what runs before a release.
import type { Place } from '../../check.ts';
import type { Deployment, EnvSetting, Probe, Setting } from '../deployment.ts';
import { defined } from './gcloud.ts';
import { tomlAt, tomlTables, tomlText, type TomlTable, type TomlValue } from './toml.ts';
import { secondsOf, secondsOfProbe } from './values.ts';

export function readFly(file: string, root: TomlTable): Deployment[] {
  const place = (line: number): Place => ({ file, line });
  const text = (value: TomlValue | null | undefined): Setting<string> | undefined => {
    const found = tomlText(value);
    return value && found !== null ? { value: found, place: place(value.line) } : undefined;
  };
  const number = (value: TomlValue | null | undefined): Setting<number> | undefined =>
    value && typeof value.value === 'number' ? { value: value.value, place: place(value.line) } : undefined;

  const name = text(tomlAt(root, 'app'))?.value ?? 'app';
  const env = [...(tomlTables(root.get('env'))[0]?.table ?? [])].flatMap(([key, value]): EnvSetting[] => {
    const found = text(value);
    return found ? [{ name: key, ...found }] : [];
  });
  const services = [...tomlTables(root.get('http_service')), ...tomlTables(root.get('services'))];
  const [service] = services;
  const [vm] = tomlTables(root.get('vm'));
  const processes = [...(tomlTables(root.get('processes'))[0]?.table ?? [])];
  const common = {
    platform: 'fly' as const,
    form: 'definition' as const,
    env,
    ...defined({
      memory: text(vm?.table.get('memory') ?? vm?.table.get('memory_mb') ?? vm?.table.get('size')),
      cpu: text(vm?.table.get('cpus') ?? vm?.table.get('size')),
    }),
  };

  const found: Deployment[] = [];
  if (service) {
    const [, command] = processes.find(([key]) => key === 'app' || key === 'web') ?? processes[0] ?? [];
    const stop = service.table.get('auto_stop_machines');
    // Machines that are never stopped are always there.
    const isKept = !stop || stop.value === false || stop.value === 'off';
    found.push({
      ...common,
      name,
      role: 'service',
      place: place(service.line),
      ...defined({
        command: text(command),
        minInstances: isKept ? { value: 1, place: place(stop?.line ?? service.line) } : number(service.table.get('min_machines_running')),
        concurrency: number(tomlAt(service.table, 'concurrency', 'hard_limit')),
      }),
      probes: services.flatMap(({ table }) => probesOf(table, place)).concat(probesOf(root, place)),
    });
  }
  for (const [key, value] of processes) {
    if (service && (key === 'app' || key === 'web' || value === processes[0]?.[1])) continue;
    const command = text(value);
    found.push({ ...common, name: `${name}/${key}`, role: 'worker', place: place(value.line), ...defined({ command }), probes: [] });
  }
  const release = text(tomlAt(root, 'deploy', 'release_command'));
  if (release)
    found.push({
      ...common,
      name: `${name}/release_command`,
      role: 'job',
      verb: 'release_command',
      place: release.place,
      command: release,
      probes: [],
    });
  return found;
}

function probesOf(table: TomlTable, place: (line: number) => Place): Probe[] {
  // `[checks]` holds one table for each check by name; the others are lists.
  const named = table.get('checks');
  const byName = named?.value instanceof Map ? [...named.value.values()].flatMap((one) => tomlTables(one)) : tomlTables(named);
  return [...byName, ...tomlTables(table.get('http_checks')), ...tomlTables(table.get('tcp_checks'))].map((check) => {
    const seconds = (name: string) => secondsOf(tomlText(check.table.get(name)));
    const path = check.table.get('path')?.value;
    return {
      kind: 'health',
      path: typeof path === 'string' ? path : null,
      place: place(check.line),
      seconds: secondsOfProbe(seconds('interval'), seconds('timeout'), seconds('grace_period')),
    };
  });
}
