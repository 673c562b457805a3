// Values as deployment files write them: durations, lists of pairs, secrets by version, numbers behind variables.
import type { Place } from '../../check.ts';
import type { EnvSetting, Probe, Setting } from '../deployment.ts';

/** Variables that a file gives a value, to resolve numbers and names. */
export type Variables = Map<string, string>;

const DEEPEST = 5;

/** `$_MAX`, `${MAX}`, `${MAX:-10}` and `${{ env.MAX }}` with what the file says of them; unknown ones stay as text. */
export function resolved(text: string, variables: Variables, depth = 0): string {
  const found = text.replaceAll(
    /\$\{\{\s*(?:env|vars|inputs)\.(\w+)\s*\}\}|\$\{(\w+)(?::?[-=]([^}]*))?\}|\$(\w+)/g,
    (whole, github?: string, braced?: string, fallback?: string, bare?: string) =>
      variables.get(github ?? braced ?? bare ?? '') ?? fallback ?? whole,
  );
  return found === text || depth >= DEEPEST ? found : resolved(found, variables, depth + 1);
}

export function isVariable(text: string): boolean {
  return /\$[\w{(]|\$\$[\w{(]|%\w+%|<[A-Z_]+>|\{\{/.test(text);
}

/** Undefined for what is no number, also behind its variables. */
export function numberSetting(
  text: string | null | undefined,
  place: Place,
  variables: Variables = new Map(),
): Setting<number> | undefined {
  const value = resolved(text ?? '', variables).trim();
  return /^-?\d+(\.\d+)?$/.test(value) ? { value: Number(value), place } : undefined;
}

/** `300`, `300s`, `5m`, `1m30s`, `500ms` in seconds; null for anything else. */
export function secondsOf(text: string | null | undefined): number | null {
  const given = (text ?? '').trim();
  if (/^\d+(\.\d+)?$/.test(given)) return Number(given);
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(given)) return null;
  const unit: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };
  return [...given.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)].reduce(
    (sum, [, number, name = '']) => sum + Number(number) * (unit[name] ?? 0),
    0,
  );
}

export function secondsSetting(
  text: string | null | undefined,
  place: Place,
  variables: Variables = new Map(),
): Setting<number> | undefined {
  const seconds = secondsOf(resolved(text ?? '', variables));
  return seconds === null ? undefined : { value: seconds, place };
}

/** `A=1,B=2` as gcloud reads it, also with a separator of one's own: `^;^A=1;B=2`. */
export function pairsOf(text: string): [name: string, value: string][] {
  const [, own, rest] = /^\^(.+?)\^([\s\S]*)$/.exec(text) ?? [];
  return (rest ?? text).split(own ?? ',').flatMap((one): [string, string][] => {
    const at = one.indexOf('=');
    return at > 0 ? [[one.slice(0, at).trim(), one.slice(at + 1)]] : [];
  });
}

/** `database-url:3` and `projects/p/secrets/database-url:latest`, the forms of gcloud. */
export function secretOf(reference: string): NonNullable<EnvSetting['secret']> {
  const [, name = reference, version = 'latest'] = /^(.*?)(?::([^:/]+))?$/.exec(reference) ?? [];
  return { name: name.replace(/^projects\/[^/]+\/secrets\//, ''), version: version === 'latest' ? null : version };
}

/** The path of the first address in a command that asks for a service's health. */
export function pathOfCommand(command: string): string | null {
  const [, path] = /https?:\/\/[^\s/'"`)]+(\/[^\s'"`)|;&]*)?/.exec(command) ?? [];
  return path ?? null;
}

/** Leaves out times that are not written, so that readers can tell a default from a choice. */
export function secondsOfProbe(interval: number | null, timeout: number | null, start: number | null): Probe['seconds'] {
  return {
    ...(interval === null ? {} : { interval }),
    ...(timeout === null ? {} : { timeout }),
    ...(start === null ? {} : { start }),
  };
}
