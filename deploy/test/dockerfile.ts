// The Dockerfile as the stages and instructions that ours is made of. What it does not know, it refuses: an instruction that
// the check passes over would be one that nobody performed.

export type Instruction = { verb: string; flags: Record<string, string>; rest: string };

export type Stage = { name: string; from: string; instructions: Instruction[] };

const KNOWN: Record<string, readonly string[]> = {
  WORKDIR: [],
  COPY: ['from'],
  RUN: [],
  ENV: [],
  USER: [],
  EXPOSE: [],
  HEALTHCHECK: ['interval', 'timeout', 'start-period', 'retries'],
  CMD: [],
};

/** Reads a Dockerfile. Throws a sentence with the line for anything that is not of the form that the check performs. */
export function readDockerfile(text: string): Stage[] {
  const stages: Stage[] = [];
  for (const line of linesOf(text)) {
    const [, verb = '', tail = ''] = /^([A-Z]+)\s+(.+)$/s.exec(line) ?? [];
    if (verb === 'FROM') {
      const [, from = '', name = 'final'] = /^(\S+)(?: AS (\w+))?$/.exec(tail) ?? [];
      if (!from) throw new Error(`Not a stage: ${line}`);
      stages.push({ name, from, instructions: [] });
      continue;
    }
    const { flags, rest } = flagsOf(tail);
    const may = KNOWN[verb];
    const strange = Object.keys(flags).find((flag) => !may?.includes(flag));
    if (!may || strange) throw new Error(`The check does not perform this: ${line}`);
    const stage = stages.at(-1);
    if (!stage) throw new Error(`Before the first stage: ${line}`);
    stage.instructions.push({ verb, flags, rest });
  }
  return stages;
}

/** The words of the exec form, `["node", "main.ts"]`; the shell form puts a shell between the signal and the service. */
export function execForm(rest: string): string[] {
  const words: unknown = rest.startsWith('[') ? JSON.parse(rest) : null;
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) throw new Error(`Not in exec form: ${rest}`);
  return words;
}

/** `A=1 B=2` of ENV. */
export function pairsOf(rest: string): Record<string, string> {
  return Object.fromEntries(
    rest.split(/\s+/).map((pair) => {
      const [, key = '', value = ''] = /^([A-Z_]+)=(\S*)$/.exec(pair) ?? [];
      if (!key) throw new Error(`Not KEY=value: ${rest}`);
      return [key, value];
    }),
  );
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function flagsOf(tail: string): { flags: Record<string, string>; rest: string } {
  const flags: Record<string, string> = {};
  let rest = tail;
  for (let match; (match = /^--([a-z-]+)(?:=(\S+))?\s+/.exec(rest)); rest = rest.slice(match[0].length))
    flags[match[1] ?? ''] = match[2] ?? '';
  return { flags, rest };
}
