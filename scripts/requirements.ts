// docs/asvs.csv says where each chosen requirement is settled: OWASP ASVS 5.0 and the project's own ids. A row names a file, which is
// there and names the id; a test file names it in a test. `pending` is one that is being built: listed, and no failure.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const TABLE = 'docs/asvs.csv';
const HEADER = 'id,requirement,settled in';

/** Groups of ids that are whole: a number that is left out is a requirement that nobody looked at. */
const COMPLETE: Record<string, number> = { HIP: 12, API: 10, AUT: 9, WEB: 7, AUD: 4, ENC: 6, LOG: 1, SEC: 3 };

export type Requirement = { id: string; requirement: string; settledIn: string };

/** Every row, in order. Throws when the table is not one. */
export function readRequirements(root: string): Requirement[] {
  const [header, ...lines] = readFileSync(join(root, TABLE), 'utf8').trim().split(/\r?\n/);
  if (header !== HEADER) throw new Error(`${TABLE} begins with "${HEADER}".`);
  return lines.map((line) => {
    const cells = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(
      ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain,
    );
    const [id = '', requirement = '', settledIn = ''] = cells;
    if (cells.length !== 3) throw new Error(`${TABLE}: a row has three cells: ${line}`);
    return { id, requirement, settledIn };
  });
}

/** Ids that are being built. */
export function pendingIn(requirements: Requirement[]): string[] {
  return requirements.filter(({ settledIn }) => settledIn === 'pending').map(({ id }) => id);
}

/** Every violation, as `table: sentence`. */
export function findRequirementViolations(root: string): string[] {
  const rows = readRequirements(root);
  const ids = rows.map(({ id }) => id);
  const twice = ids.filter((id, index) => ids.indexOf(id) < index).map((id) => `${id} stands there twice`);
  const missing = Object.entries(COMPLETE).flatMap(([group, count]) =>
    Array.from({ length: count }, (_, index) => `${group}-${index + 1}`)
      .filter((id) => !ids.includes(id))
      .map((id) => `${id} is not there`),
  );
  const wrong = rows.flatMap((row) => judge(root, row).map((said) => `${row.id} ${said}`));
  return [...twice, ...missing, ...wrong].map((said) => `${TABLE}: ${said}`);
}

function judge(root: string, { id, requirement, settledIn }: Requirement): string[] {
  if (requirement.trim() === '') return ['does not say what it asks for'];
  if (settledIn === 'pending') return [];
  const files = settledIn.split(' ').filter((file) => file !== '');
  if (files.length === 0) return ['names no file; write pending while it is built'];
  return files.flatMap((file) => {
    if (!existsSync(join(root, file))) return [`names ${file}, which is not there`];
    return namesId(readFileSync(join(root, file), 'utf8'), file, id)
      ? []
      : [`names ${file}, which does not name it${file.endsWith('.test.ts') ? ' in a test' : ''}`];
  });
}

/** Whether the file names the id, `API-4` also as `API4`; a test file in a text on one line, which is how tests are named. */
function namesId(text: string, file: string, id: string): boolean {
  const spelled = id.replace(/^API-/, 'API-?').replaceAll('.', String.raw`\.`);
  const where = file.endsWith('.test.ts') ? String.raw`['"\x60][^'"\x60\n]*` : '';
  return new RegExp(String.raw`${where}(?<![\w.-])${spelled}(?![\w-]|\.\d)`).test(text);
}
