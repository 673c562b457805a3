// Where a project sets the timeouts of PostgreSQL, and to what.
import type { Place } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { nameOf, placeOf, lineAt, type Node, type Source } from '../../project/source.ts';
import { propertyValue, valueOf } from '../../project/values.ts';
import { walk } from '../../project/walk.ts';
import { databaseUrls } from './urls.ts';

/** From the lowest step of the ladder to the highest. */
export const LADDER = ['lock_timeout', 'idle_in_transaction_session_timeout', 'statement_timeout', 'transaction_timeout'] as const;
export type Step = (typeof LADDER)[number];

/** Settings that one place makes together: of a pool, a URL, a role. `null` is set to what cannot be told; `by` names who. */
export type Ladder = { place: Place; by: string; millis: Map<Step, number | null> };

const NAMES = LADDER.join('|');
const UNITS: Record<string, number> = { us: 0.001, ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** As PostgreSQL reads it: a bare number is in milliseconds. Null for what is no time. */
export function millisOf(text: string): number | null {
  const [, number, unit = 'ms'] = /^\s*'?(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?'?\s*$/.exec(text) ?? [];
  return number === undefined ? null : Number(number) * (UNITS[unit] ?? 1);
}

/** Every place that sets one of the timeouts, in code, URLs, SQL and files of deployment. */
export function laddersOf(project: Project): Ladder[] {
  return [...inCode(project), ...inUrls(project), ...inSql(project), ...inFlags(project)].filter(({ millis }) => millis.size > 0);
}

function inCode(project: Project): Ladder[] {
  return project.sourcesWith(...LADDER).flatMap((source) => {
    const ladders: Ladder[] = [];
    walk(source.program, (node) => {
      if (node.type !== 'ObjectExpression') return;
      const millis = ofObject(node, source, project);
      // A pool of one connection is a health check's: its limits are not the service's.
      const isApart = propertyValue(node, 'max', source, project.resolve)?.value === 1;
      if (millis.size > 0 && !isApart) ladders.push({ place: placeOf(source, node), by: 'the pool', millis });
    });
    return ladders;
  });
}

function ofObject(node: Extract<Node, { type: 'ObjectExpression' }>, source: Source, project: Project): Map<Step, number | null> {
  const millis = new Map<Step, number | null>();
  for (const one of node.properties) {
    if (one.type !== 'Property' || one.computed) continue;
    const name = nameOf(one.key);
    const step = LADDER.find((each) => each === name);
    if (step) {
      const { value } = valueOf(one.value, source, project.resolve);
      millis.set(step, typeof value === 'number' ? value : typeof value === 'string' ? millisOf(value) : null);
    }
    if (name === 'options') for (const [each, set] of inOptions(writtenOut(one.value, source, project))) millis.set(each, set);
  }
  return millis;
}

/** The text of an expression, as far as it is written down: holes become their value, or `?`. */
function writtenOut(node: Node, source: Source, project: Project): string {
  let text = '';
  walk(node, (one) => {
    if (one.type === 'Literal' && typeof one.value === 'string') text += ` ${one.value}`;
    if (one.type !== 'TemplateLiteral') return true;
    for (const [index, { value }] of one.quasis.entries()) {
      text += value.cooked ?? '';
      const hole = one.expressions[index];
      const known = hole ? valueOf(hole, source, project.resolve).value : '';
      text += known === undefined ? '?' : String(known);
    }
    return false;
  });
  return text;
}

/** `-c statement_timeout=8000` of the startup options. */
function inOptions(text: string): [Step, number | null][] {
  return [...text.matchAll(new RegExp(String.raw`(${NAMES})\s*=\s*([\w.?]+)`, 'g'))].flatMap(([, name, value]): [Step, number | null][] => {
    const step = LADDER.find((one) => one === name);
    return step && value !== undefined ? [[step, millisOf(value)]] : [];
  });
}

function inUrls(project: Project): Ladder[] {
  return databaseUrls(project).map(({ place, parameters }) => {
    const millis = new Map(inOptions(parameters.get('options') ?? ''));
    // node-postgres takes them from the URL as well; Prisma's own engine throws them away.
    if (project.prisma?.hasAdapter || !project.prisma)
      for (const step of LADDER) if (parameters.has(step)) millis.set(step, millisOf(parameters.get(step) ?? ''));
    return { place, by: 'the URL', millis };
  });
}

const ALTER = new RegExp(
  String.raw`ALTER\s+(ROLE|USER|DATABASE)\s+("?[\w$]+"?)(?:\s+IN\s+DATABASE\s+"?\w+"?)?\s+SET\s+(${NAMES})\s*(?:=|\bTO\b)\s*('[^']*'|[\w.]+)`,
  'gi',
);

function inSql(project: Project): Ladder[] {
  const files = project.files.paths.filter(
    (path) => path.endsWith('.sql') && project.kindOf(path) !== 'test' && project.kindOf(path) !== 'example',
  );
  return files.flatMap((path) => {
    const text = project.files.read(path) ?? '';
    const byRole = new Map<string, Ladder>();
    for (const found of text.matchAll(ALTER)) {
      const [, kind = '', name = '', setting = '', value = ''] = found;
      const step = LADDER.find((one) => one === setting.toLowerCase());
      const by = `${kind.toLowerCase()} ${name}`;
      const ladder = byRole.get(by) ?? { place: { file: path, line: lineAt(text, found.index) }, by, millis: new Map() };
      if (step) ladder.millis.set(step, millisOf(value));
      byRole.set(by, ladder);
    }
    return [...byRole.values()];
  });
}

const FILES = /\.(sh|ya?ml|tf|tfvars|conf|toml)$/;

/** `--database-flags=statement_timeout=8000`, `postgres -c statement_timeout=8s`, a flag of Terraform. */
function inFlags(project: Project): Ladder[] {
  const files = project.files.paths.filter((path) => FILES.test(path) && ['other', 'production', 'script'].includes(project.kindOf(path)));
  return files.flatMap((path) => {
    const text = project.files.read(path) ?? '';
    const found = LADDER.find((step) => text.includes(step));
    if (!found) return [];
    const uncommented = text.replaceAll(/^\s*#.*$/gm, '');
    const millis = new Map(inOptions(uncommented));
    for (const [, name, value = ''] of uncommented.matchAll(
      new RegExp(String.raw`name\s*[:=]\s*"?(${NAMES})"?\s+value\s*[:=]\s*"?(\w+)`, 'g'),
    )) {
      const step = LADDER.find((one) => one === name);
      if (step) millis.set(step, millisOf(value));
    }
    return [{ place: { file: path, line: lineAt(text, text.indexOf(found)) }, by: 'the server', millis }];
  });
}
