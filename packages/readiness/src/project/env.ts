// Environment files, line by line: what is read, and what is read over.
import type { Place } from '../check.ts';

export type EnvEntry = { key: string; value: string; place: Place; /** Commented out: documentation, never read. */ isComment: boolean };

export type EnvFile = {
  path: string;
  /** Safe to commit: `.env.example`, `.env.production.template` and the like. */
  isTemplate: boolean;
  isTracked: boolean;
  entries: EnvEntry[];
};

const NAME = /(^|\/)(\.env(\.[\w.-]+)?|[\w.-]+\.env)$/;
const TEMPLATE =
  /\.(example|sample|template|dist|defaults?|schema|test)(\.|$)|[.-](example|sample|template)\.env$|(^|\/)(example|sample|template)\.env$/;

export function isEnvFile(path: string): boolean {
  return NAME.test(path);
}

export function readEnvFile(path: string, text: string, isTracked: boolean): EnvFile {
  const entries = text.split('\n').flatMap((line, index): EnvEntry[] => {
    const [, comment, key, raw] = /^\s*(#+\s*)?(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)$/.exec(line.replace(/\r$/, '')) ?? [];
    if (!key || raw === undefined) return [];
    return [{ key, value: valueOf(raw), place: { file: path, line: index + 1 }, isComment: comment !== undefined }];
  });
  return { path, isTemplate: TEMPLATE.test(path), isTracked, entries };
}

/** As dotenv reads it: quotes around the whole are taken away; outside of them ` #` begins a comment. */
function valueOf(raw: string): string {
  const quoted = /^(["'`])(.*?)\1\s*(#.*)?$/.exec(raw.trim());
  return quoted ? (quoted[2] ?? '') : raw.replace(/(^|\s)#.*$/, '').trim();
}
