// Pipelines that call gcloud and others: Cloud Build, GitHub workflows, GitLab CI, shell scripts, scripts of package.json.
import type { Deployments, EnvSetting } from '../deployment.ts';
import { readGcloud, type ReadEnv } from './gcloud.ts';
import { lineOf, readScript, type Word } from './shell.ts';
import type { Variables } from './values.ts';
import type { Yaml } from './yaml.ts';

export type Pipeline = Pick<Deployments, 'deployments' | 'steps'>;

/** `cloudbuild.yaml`: steps with arguments, or with a script. */
export function readCloudBuild(path: string, root: Yaml, readEnv: ReadEnv): Pipeline {
  const variables = variablesOf(root.get('substitutions'));
  const found: Pipeline = { deployments: [], steps: [] };
  for (const step of root.get('steps')?.items() ?? []) {
    const id = step.get('id')?.text ?? null;
    const image = step.get('name')?.text ?? '';
    const entrypoint = step.get('entrypoint');
    const builtin = /\/(gcloud|docker|npm|git|kubectl)(:|$)/.exec(image)?.[1];
    const args = argumentsOf(step.get('args'));
    const script = step.get('script') ?? (isShell(entrypoint?.text ?? args[0]?.text) ? scriptOf(step.get('args')) : null);
    const program = entrypoint?.text ?? builtin;
    const words = program ? [{ text: program, place: step.place }, ...args] : args;
    found.steps.push({ pipeline: path, place: step.place, id, text: script?.text ?? lineOf(words) });
    if (script?.text) {
      for (const command of readScript(script.text, path, script.textLine, variables).commands) add(found, command, variables, readEnv);
    } else add(found, words, variables, readEnv);
  }
  return found;
}

/** `.github/workflows/*.yml`: `run` blocks, and the action that deploys to Cloud Run. */
export function readWorkflow(path: string, root: Yaml, readEnv: ReadEnv): Pipeline {
  const found: Pipeline = { deployments: [], steps: [] };
  const outer = variablesOf(root.get('env'));
  for (const [, job] of root.get('jobs')?.entries() ?? []) {
    const ofJob: Variables = new Map([...outer, ...variablesOf(job.get('env'))]);
    for (const step of job.get('steps')?.items() ?? []) {
      const variables: Variables = new Map([...ofJob, ...variablesOf(step.get('env'))]);
      const run = step.get('run');
      const uses = step.get('uses')?.text;
      const id = step.get('id')?.text ?? step.get('name')?.text ?? null;
      found.steps.push({ pipeline: path, place: run?.place ?? step.place, id, text: run?.text ?? (uses ? `uses ${uses}` : '') });
      if (run?.text) addScript(found, run.text, path, run.textLine, variables, readEnv);
      if (uses?.startsWith('google-github-actions/deploy-cloudrun')) {
        const words = actionWords(step, path);
        found.steps.push({ pipeline: path, place: step.place, id, text: lineOf(words) });
        add(found, words, variables, readEnv);
      }
    }
  }
  return found;
}

/** `.gitlab-ci.yml`: the scripts of its jobs. */
export function readGitlab(path: string, root: Yaml, readEnv: ReadEnv): Pipeline {
  const found: Pipeline = { deployments: [], steps: [] };
  const outer = variablesOf(root.get('variables'));
  for (const [name, job] of root.entries())
    for (const part of ['before_script', 'script', 'after_script'])
      for (const line of job.get(part)?.items() ?? []) {
        if (!line.text) continue;
        found.steps.push({ pipeline: path, place: line.place, id: name, text: line.text });
        addScript(found, line.text, path, line.textLine, new Map([...outer, ...variablesOf(job.get('variables'))]), readEnv);
      }
  return found;
}

/** A script: each of its commands is a step. */
export function readShell(path: string, text: string, readEnv: ReadEnv): Pipeline {
  const found: Pipeline = { deployments: [], steps: [] };
  const { commands, variables } = readScript(text, path);
  for (const words of commands) {
    const [first] = words;
    if (first) found.steps.push({ pipeline: path, place: first.place, id: null, text: lineOf(words) });
    add(found, words, variables, readEnv);
  }
  return found;
}

/** Scripts of a package.json that deploy. */
export function readManifestScripts(path: string, text: string, readEnv: ReadEnv): Pipeline {
  const found: Pipeline = { deployments: [], steps: [] };
  for (const [index, line] of text.split('\n').entries()) {
    const [, id = null, quoted] = /^\s*"([\w:.-]+)"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(line) ?? [];
    if (!quoted || !/\bgcloud\b.*\brun\b/.test(quoted)) continue;
    const script = String(JSON.parse(quoted));
    found.steps.push({ pipeline: path, place: { file: path, line: index + 1 }, id, text: script });
    for (const words of readScript(script, path, index + 1).commands) add(found, words, new Map(), readEnv);
  }
  return found;
}

function addScript(found: Pipeline, text: string, path: string, line: number, outer: Variables, readEnv: ReadEnv): void {
  const { commands, variables } = readScript(text, path, line, outer);
  for (const command of commands) add(found, command, variables, readEnv);
}

function add(found: Pipeline, words: Word[], variables: Variables, readEnv: ReadEnv): void {
  const deployment = readGcloud(words, variables, readEnv);
  if (deployment) found.deployments.push(deployment);
}

function variablesOf(map: Yaml | null): Variables {
  return new Map(map?.entries().flatMap(([name, { text }]) => (text === null ? [] : [[name, text] as const])));
}

function argumentsOf(args: Yaml | null): Word[] {
  return args?.items().flatMap(({ text, place }) => (text === null ? [] : [{ text, place }])) ?? [];
}

function isShell(program: string | undefined): boolean {
  return /(^|\/)(ba|z|da)?sh$/.test(program ?? '');
}

/** The text behind `-c`, or `-ec`. */
function scriptOf(args: Yaml | null): Yaml | null {
  const items = args?.items() ?? [];
  const at = items.findIndex(({ text }) => /^-\w*c$/.test(text ?? ''));
  return at === -1 ? null : (items[at + 1] ?? null);
}

/** The action's inputs as the command that it runs. */
function actionWords(step: Yaml, path: string): Word[] {
  const input = (name: string) => step.get('with', name);
  const job = input('job');
  const head = ['gcloud', 'run', ...(job ? ['jobs', 'deploy'] : ['deploy']), job?.text ?? input('service')?.text ?? 'service'];
  const words: Word[] = head.map((text) => ({ text, place: step.place }));
  const flag = (name: string, value: string, yaml: Yaml) => words.push({ text: `--${name}=${value}`, place: yaml.place });
  for (const name of ['image', 'timeout']) {
    const given = input(name);
    if (given?.text) flag(name, given.text, given);
  }
  for (const [name, to] of [
    ['env_vars', 'set-env-vars'],
    ['secrets', 'set-secrets'],
  ] as const) {
    const given = input(name);
    for (const [index, line] of (given?.text ?? '').split('\n').entries())
      if (line.trim() && given) words.push({ text: `--${to}=${line.trim()}`, place: { file: path, line: given.textLine + index } });
  }
  if (input('no_traffic')?.text === 'true') words.push({ text: '--no-traffic', place: step.place });
  if (input('wait')?.text === 'true') words.push({ text: '--wait', place: step.place });
  const flags = input('flags');
  if (flags?.text) words.push(...(readScript(flags.text.replaceAll('\n', ' '), path, flags.place.line).commands[0] ?? []));
  const metadata = input('metadata');
  return metadata ? [...words, { text: '--flags-file', place: metadata.place }] : words;
}

/** `NAME: value` lines of a file that `--env-vars-file` names, or `.env` lines. */
export function readEnvVarsFile(file: string, text: string): EnvSetting[] {
  return text.split('\n').flatMap((line, index) => {
    const [, name, value] = /^\s*([A-Za-z_]\w*)\s*[:=]\s*(.*?)\s*$/.exec(line) ?? [];
    return name && value !== undefined ? [{ name, value: value.replaceAll(/^["']|["']$/g, ''), place: { file, line: index + 1 } }] : [];
  });
}
