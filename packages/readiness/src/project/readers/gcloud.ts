// `gcloud run ...` as a deployment: from pipelines, scripts and workflows alike.
import type { Place } from '../../check.ts';
import type { Deployment, EnvSetting, Probe } from '../deployment.ts';
import type { Word } from './shell.ts';
import { numberSetting, pairsOf, resolved, secondsOf, secondsOfProbe, secondsSetting, secretOf, type Variables } from './values.ts';

type Flag = { name: string; value: string | null; place: Place };

/** Reads a file of variables that `--env-vars-file` names. */
export type ReadEnv = (path: string) => EnvSetting[];

const SWITCH =
  /^(no-.+|clear-.+|allow-unauthenticated|async|wait|execute-now|quiet|cpu-throttling|cpu-boost|use-http2|session-affinity|default-url|to-latest|invoker-iam-check|deploy-health-check|gpu-zonal-redundancy|iap)$/;
const VERB = /^run (deploy|(services|jobs|worker-pools) (deploy|create|update|execute)|jobs (deploy|create|update) )/;

/** What a command deploys, changes or executes on Cloud Run; null for other commands. */
export function readGcloud(words: Word[], variables: Variables, readEnv: ReadEnv = () => []): Deployment | null {
  const start = words.findIndex(({ text }) => text === 'gcloud' || text.endsWith('/gcloud'));
  const [program] = words.slice(start);
  if (start === -1 || !program) return null;
  const { positional, flags: written, unseen } = argumentsOf(words.slice(start + 1));
  const flags = ofMainContainer(written);
  const path = positional.filter(({ text }) => text !== 'alpha' && text !== 'beta');
  const line = path.map(({ text }) => text).join(' ');
  const verb = VERB.exec(`${line} `)?.[0].trim();
  if (!verb) return null;

  const given = path[verb.split(' ').length]?.text;
  const last = (...names: string[]) => flags.findLast(({ name }) => names.includes(name));
  const number = (...names: string[]) => {
    const flag = last(...names);
    return flag && numberSetting(flag.value, flag.place, variables);
  };
  const text = (...names: string[]) => {
    const flag = last(...names);
    return flag?.value ? { value: flag.value, place: flag.place } : undefined;
  };
  const size = (name: string) => {
    const flag = text(name);
    return flag && { ...flag, value: resolved(flag.value, variables) };
  };
  const project = last('project')?.value;
  const on = (name: string) => {
    const flag = last(name, `no-${name}`);
    return flag && { value: flag.name === name && flag.value !== 'false', place: flag.place };
  };
  const isJob = verb.includes(' jobs ');
  const command = last('command');
  const args = last('args');
  const called = [command, args].flatMap((flag) => (flag?.value ? flag.value.replace(/^\^(.+?)\^/, '').split(',') : []));
  const commandFlag = command ?? args;
  const sql = last('add-cloudsql-instances', 'set-cloudsql-instances');
  const timeout = last(isJob ? 'task-timeout' : 'timeout');
  const noTraffic = last('no-traffic');

  return {
    platform: 'cloud-run',
    name: resolved(given ?? '', variables) || 'service',
    role: isJob ? 'job' : verb.includes('worker-pools') ? 'worker' : 'service',
    form: 'command',
    place: program.place,
    verb,
    ...defined({
      project: project ? resolved(project, variables) : undefined,
      image: text('image'),
      command: commandFlag && called.length > 0 ? { value: called.join(' '), place: commandFlag.place } : undefined,
      minInstances: number('min-instances', 'min', 'instances'),
      maxInstances: number('max-instances', 'max', 'instances'),
      concurrency: number('concurrency'),
      timeoutSeconds: timeout && secondsSetting(timeout.value, timeout.place, variables),
      cpu: size('cpu'),
      memory: size('memory'),
      sqlInstances: sql?.value ? { value: sql.value.split(','), place: sql.place } : undefined,
      vpc: text('vpc-connector', 'network', 'subnet'),
      serviceAccount: text('service-account'),
      allowsAnybody: on('allow-unauthenticated'),
      noTraffic: noTraffic && { value: true, place: noTraffic.place },
      executes: on('execute-now'),
      waits: on('wait'),
      unseen: unseen && { value: unseen.text, place: unseen.place },
    }),
    env: flags.flatMap((flag) => envOf(flag, readEnv)),
    probes: flags.flatMap(probeOf),
  };
}

/** A variable may stand for the name of what is deployed; a further one, or one named after flags, may hold any flag. */
function argumentsOf(words: Word[]): { positional: Word[]; flags: Flag[]; unseen: Word | undefined } {
  const positional: Word[] = [];
  const flags: Flag[] = [];
  let unseen: Word | undefined;
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (!word || /^\d?>/.test(word.text)) continue;
    const [, name, value] = /^--([\w-]+)(?:=([\s\S]*))?$/.exec(word.text) ?? [];
    const next = words[index + 1];
    if (!name) {
      const isNamed = positional.length > 3 || positional.some(({ text }) => text.startsWith('$'));
      if (word.text.startsWith('$') && (isNamed || /\[[@*]\]|flags|args|opts|options|extra/i.test(word.text))) unseen ??= word;
      else positional.push(word);
    } else if (name === 'flags-file') unseen ??= word;
    else if (value !== undefined || SWITCH.test(name) || !next || next.text.startsWith('--'))
      flags.push({ name, value: value ?? null, place: word.place });
    else {
      flags.push({ name, value: next.text, place: word.place });
      index++;
    }
  }
  return { positional, flags, unseen };
}

/** Flags behind `--container` are of that container: the one with a port takes the requests, the others stand beside it. */
function ofMainContainer(flags: Flag[]): Flag[] {
  const starts = flags.flatMap(({ name }, index) => (name === 'container' ? [index] : []));
  const [first] = starts;
  if (first === undefined) return flags;
  const containers = starts.map((start, index) => flags.slice(start, starts[index + 1]));
  const main = containers.find((one) => one.some(({ name }) => name === 'port')) ?? containers[0] ?? [];
  return [...flags.slice(0, first), ...main];
}

function envOf({ name, value, place }: Flag, readEnv: ReadEnv): EnvSetting[] {
  if (value === null) return [];
  if (name === 'env-vars-file') return readEnv(value);
  if (/^(set|update)-env-vars$/.test(name)) return pairsOf(value).map(([key, text]) => ({ name: key, value: text, place }));
  if (/^(set|update)-secrets$/.test(name)) return pairsOf(value).map(([key, text]) => ({ name: key, secret: secretOf(text), place }));
  return [];
}

/** `--startup-probe httpGet.path=/health,periodSeconds=10`. */
function probeOf({ name, value, place }: Flag): Probe[] {
  const kind = /^(startup|liveness|readiness)-probe$/.exec(name)?.[1];
  if (!kind || !value) return [];
  const set = new Map(pairsOf(value));
  const seconds = (key: string) => secondsOf(set.get(key));
  return [
    {
      kind: kind as Probe['kind'],
      path: set.get('httpGet.path') ?? null,
      place,
      seconds: secondsOfProbe(seconds('periodSeconds'), seconds('timeoutSeconds'), seconds('initialDelaySeconds')),
      ...defined({ failures: seconds('failureThreshold') ?? undefined }),
    },
  ];
}

/** The object without what is undefined, for optional fields. */
export function defined<T extends object>(object: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}
