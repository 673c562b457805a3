// A Dockerfile: what its last stage is built from, runs and exposes, through the stages that it stands on.
import type { Place } from '../../check.ts';
import type { Dockerfile, EnvSetting, Probe, Setting } from '../deployment.ts';
import { pathOfCommand, resolved, secondsOf, secondsOfProbe, type Variables } from './values.ts';

type Instruction = { keyword: string; text: string; place: Place };
type Stage = { from: Setting<string>; name: string | null; instructions: Instruction[] };

const NAME = /(^|\/)(Dockerfile|Containerfile)(\.[\w.-]+)?$|\.(d|D)ockerfile$/;

export function isDockerfile(path: string): boolean {
  return NAME.test(path) && !path.endsWith('.dockerignore');
}

export function readDockerfile(path: string, text: string): Dockerfile {
  const instructions = instructionsOf(path, text);
  const first = instructions.findIndex(({ keyword }) => keyword === 'FROM');
  const before: Variables = new Map(
    instructions.slice(0, Math.max(first, 0)).flatMap((one) => envOf(one).map(({ name, value }) => [name, value ?? ''] as const)),
  );
  const stages: Stage[] = [];
  for (const one of first === -1 ? [] : instructions.slice(first)) {
    if (one.keyword !== 'FROM') {
      stages.at(-1)?.instructions.push(one);
      continue;
    }
    const [, image = '', name] = /^(?:--\S+\s+)*(\S+)(?:\s+as\s+(\S+))?/i.exec(one.text) ?? [];
    stages.push({ from: { value: resolved(image, before), place: one.place }, name: name?.toLowerCase() ?? null, instructions: [] });
  }
  const chain = chainOf(stages);
  const own = chain.flatMap((stage) => stage.instructions);
  const last = (keyword: string) => own.findLast((one) => one.keyword === keyword);
  const user = last('USER');
  const healthcheck = last('HEALTHCHECK');
  const from = stages.at(-1)?.from;
  return {
    path,
    from: from ? { value: chain[0]?.from.value ?? from.value, place: from.place } : null,
    stages: stages.length,
    user: user ? { value: user.text, place: user.place } : null,
    healthcheck: healthcheck ? readHealthcheck(healthcheck) : null,
    command: commandOf(last('ENTRYPOINT'), last('CMD')),
    env: instructions.flatMap(envOf),
    runs: own.filter(({ keyword }) => keyword === 'RUN').map(({ text: value, place }) => ({ value, place })),
    copies: instructions
      .filter(({ keyword }) => keyword === 'COPY' || keyword === 'ADD')
      .map(({ text: value, place }) => ({ value, place })),
  };
}

/** The last stage with those that it is built from by name, the first one in front. */
function chainOf(stages: Stage[]): Stage[] {
  const chain: Stage[] = [];
  let stage = stages.at(-1);
  while (stage && !chain.includes(stage)) {
    chain.unshift(stage);
    const { value } = stage.from;
    const index = stages.indexOf(stage);
    stage = stages.find(({ name }, at) => at < index && name === value.toLowerCase());
  }
  return chain;
}

function instructionsOf(file: string, text: string): Instruction[] {
  const found: Instruction[] = [];
  const lines = text.split('\n');
  for (let index = 0; index < lines.length; index++) {
    const start = index;
    if (/^\s*(#|$)/.test(lines[index] ?? '')) continue;
    let whole = '';
    for (; index < lines.length; index++) {
      const line = (lines[index] ?? '').replace(/\r$/, '');
      // Comments and empty lines may stand within a continued instruction.
      if (index > start && /^\s*(#|$)/.test(line)) continue;
      whole += line.replace(/\\\s*$/, ' ');
      if (!/\\\s*$/.test(line)) break;
    }
    const mark = /<<-?\s*["']?(\w+)["']?/.exec(whole)?.[1];
    for (; mark && index + 1 < lines.length && lines[index + 1]?.trim() !== mark; index++) whole += `\n${lines[index + 1] ?? ''}`;
    if (mark) index++;
    const [, keyword, rest] = /^\s*([A-Za-z]+)\s+([\s\S]*)$/.exec(whole) ?? [];
    if (keyword && rest !== undefined) found.push({ keyword: keyword.toUpperCase(), text: rest.trim(), place: { file, line: start + 1 } });
  }
  return found;
}

function envOf({ keyword, text, place }: Instruction): EnvSetting[] {
  if (keyword !== 'ENV' && keyword !== 'ARG') return [];
  const pairs = [...text.matchAll(/([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|'[^']*'|\S*)/g)];
  if (pairs.length > 0) return pairs.map(([, name = '', value = '']) => ({ name, value: value.replaceAll(/^["']|["']$/g, ''), place }));
  const [, name, value] = /^([A-Za-z_]\w*)(?:\s+(.*))?$/.exec(text) ?? [];
  return name ? [{ name, place, ...(value ? { value } : {}) }] : [];
}

function readHealthcheck({ text, place }: Instruction): Probe | null {
  if (/^NONE\b/i.test(text)) return null;
  const option = (name: string) => new RegExp(String.raw`--${name}=(\S+)`).exec(text)?.[1];
  const seconds = (name: string) => secondsOf(option(name));
  const retries = option('retries');
  return {
    kind: 'health',
    path: pathOfCommand(text),
    place,
    seconds: secondsOfProbe(seconds('interval'), seconds('timeout'), seconds('start-period')),
    ...(retries ? { failures: Number(retries) } : {}),
  };
}

function commandOf(entrypoint: Instruction | undefined, command: Instruction | undefined): Setting<string> | null {
  const place = (command ?? entrypoint)?.place;
  const value = [entrypoint, command].flatMap((one) => (one ? plain(one.text) : [])).join(' ');
  return place && value ? { value, place } : null;
}

/** `["node", "dist/main.js"]` as the words of it. */
function plain(text: string): string {
  if (!text.startsWith('[')) return text;
  try {
    const words: unknown = JSON.parse(text);
    return Array.isArray(words) ? words.join(' ') : text;
  } catch {
    return text;
  }
}
