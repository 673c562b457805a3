// Secrets come from Secret Manager, with a version that is pinned.
import type { Project } from '../project/project.ts';
import { fixFlags, type Command } from './gcloud.ts';
import type { Patch } from './patch.ts';

const SECRET = /(^|_)(KEY|SECRET|PASSWORD|TOKEN|DSN|DATABASE_URL)$/;
/** Anybody may know these. */
const PUBLIC = /^(NEXT_)?PUBLIC_|PUBLISHABLE|SITE_KEY$/;

/**
 * Names that look like secrets leave `--set-env-vars` and go to `--set-secrets`, each as its own secret in version 1, which has
 * to be made first. What is there already stays as it is: which version runs is not written anywhere here.
 */
export function fixSecretManager(project: Project): Patch[] {
  const known = project.envFiles.flatMap(({ entries }) => entries.filter(({ isComment }) => !isComment).map(({ key }) => key));
  const used = project.schemas.flatMap(({ blocks }) =>
    blocks.flatMap(({ settings }) => /"(\w+)"/.exec(settings.get('url')?.value ?? '')?.[1] ?? []),
  );
  const names = [...used, ...known].filter(isSecret);
  return fixFlags(
    project,
    [
      { flag: 'set-secrets', value: (command) => secretsOf(command, names) },
      { flag: 'set-env-vars', value: plainOf },
    ],
    'secrets come from Secret Manager; make them first, for example `printf %s "$VALUE" | gcloud secrets create NAME --data-file=-`',
  );
}

function isSecret(name: string): boolean {
  return SECRET.test(name) && !PUBLIC.test(name);
}

function secretsOf({ get }: Command, names: string[]): string | null {
  const given = get('set-secrets') ?? get('update-secrets');
  const plain = pairs(get('set-env-vars')) ?? [];
  if (given !== null && !plain.some(([name]) => isSecret(name))) return null;
  const there = pairs(given) ?? [];
  const wanted = [...new Set([...plain.map(([name]) => name).filter(isSecret), ...(given === null ? names : [])])];
  const missing = wanted.filter((name) => !there.some(([one]) => one === name));
  return missing.length === 0
    ? null
    : [given, ...missing.map((name) => `${name}=${name.toLowerCase().replaceAll('_', '-')}:1`)].filter(Boolean).join(',');
}

/** Without what are secrets; null when there are none, or when nothing would be left, which the flag does not allow. */
function plainOf({ get }: Command): string | null {
  const all = pairs(get('set-env-vars'));
  const kept = all?.filter(([name]) => !isSecret(name)) ?? [];
  if (!all || kept.length === all.length) return null;
  return (kept.length > 0 ? kept : [['NODE_ENV', 'production']]).map((pair) => pair.join('=')).join(',');
}

/** Null for another delimiter than the comma. */
function pairs(text: string | null): [string, string][] | null {
  if (text === null || text.startsWith('^')) return null;
  return text.split(',').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]);
}
