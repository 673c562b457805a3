import { couldNotCheck, finding, judged, type Check, type Judgement } from '../../check.ts';
import { kindOf } from '../../project/kinds.ts';
import type { Project } from '../../project/project.ts';
import { fingerprint as fingerprintOf } from '../security/plain-secrets.ts';
import { writtenSecrets } from '../security/written.ts';
import { lookIntoPast, type Past } from './history.ts';
import { secretsIn } from './secrets.ts';

/** A report of hundreds is read by nobody; the first ones say what to do. */
const MOST = 40;

export const secretsCommitted: Check = {
  id: 'env.secrets-committed',
  title: 'No secret is in the repository or its history',
  category: 'Environment',
  severity: 'critical',
  why: 'Whoever can read the repository, or ever could, has the secret: clones and forks keep it after the file is gone.',
  link: 'https://docs.github.com/en/code-security/secret-scanning/introduction/about-secret-scanning',
  looksFor:
    'keys of known shape, passwords in URLs of databases, and random values of settings that are named like secrets, in the files that git keeps and in all lines that its history added; only a fingerprint is shown (the first 8 digits of the SHA-256)',
  remedy:
    'Change the secret first: it is known. Then take it out of the file, keep it in a secret manager, and purge the history (git filter-repo). An encryption key is not replaced but rotated: old data needs it.',
  example: {
    language: 'env',
    before: 'DATABASE_URL=postgresql://app:PASSWORD@HOST:5432/app\nENCRYPTION_KEY=64 HEX DIGITS',
    after: '# in Secret Manager: database-url, encryption-key\nDATABASE_URL=\n# openssl rand -hex 32\nENCRYPTION_KEY=',
  },
  effort: '2 hours',
  static: judge,
};

function judge(project: Project): Judgement {
  const { files } = project;
  const tracked = files.paths.filter((path) => files.isTracked(path));
  const shown = tracked.flatMap((path) => secretsIn(path, files.read(path) ?? '', project.kindOf(path)).map((one) => ({ ...one, path })));
  const seen = new Set(shown.map(({ fingerprint }) => fingerprint));
  // A weak password that is deployed from a file opens the database all the same.
  const deployed = writtenSecrets(project).flatMap(({ setting: { name, value = '', place }, isReplaced }) => {
    const fingerprint = fingerprintOf(value);
    const isNew = !isReplaced && files.isTracked(place.file) && !seen.has(fingerprint);
    return isNew ? [{ what: `the value of ${name}`, fingerprint, path: place.file, line: place.line }] : [];
  });
  const now = [...shown, ...deployed];
  const past: Past =
    files.folder === null
      ? { secrets: [], files: 'none', lines: 'none', isShallow: false }
      : lookIntoPast(files.folder, (path) => kindOf(path, () => null));
  const known = new Set(now.map(({ fingerprint }) => fingerprint));
  const findings = [
    ...now.map(({ what, fingerprint, path, line }) =>
      finding('fail', `${what} is in the repository (fingerprint ${fingerprint})`, { file: path, line }),
    ),
    ...past.secrets
      .filter(({ fingerprint }) => !known.has(fingerprint))
      .map(({ what, fingerprint, path, line, commit }) =>
        finding('fail', `${what} is in the history, added by commit ${commit} (fingerprint ${fingerprint})`, { file: path, line }),
      ),
  ];
  const evidence = [`${tracked.length} files looked through`, ...sayPast(past)];
  if (findings.length > MOST) evidence.push(`${findings.length - MOST} more are not listed`);
  if (findings.length > 0) return judged(findings.slice(0, MOST), evidence);
  if (past.files === 'in part') return { ...couldNotCheck('the history of environment files is too long to be read in time'), evidence };
  return judged([], evidence);
}

function sayPast({ files, lines, isShallow }: Past): string[] {
  if (files === 'none') return ['there is no history to look through'];
  const read =
    lines === 'read'
      ? 'every added line of the history read'
      : 'environment files read through the whole history, other lines only through its newest part';
  return [isShallow ? `${read}; the clone is shallow, and older commits are not in it` : read];
}
