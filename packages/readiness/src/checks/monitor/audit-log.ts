import { finding, judged, notApplicable, type Check, type Finding, type Place } from '../../check.ts';
import { monitorAuditLog } from '../../drills/monitor-audit-log.ts';
import type { Project } from '../../project/project.ts';
import { isWrite, modelCall } from '../../project/queries.ts';
import { calledName, dottedName, excerptOf, lineAt, placeOf, textOf, visit, type Node, type Source } from '../../project/source.ts';
import { findBelow, walk } from '../../project/walk.ts';

export const auditLog: Check = {
  id: 'monitor.audit-log',
  title: 'Who did what is kept, and cannot be changed',
  category: 'Monitoring',
  severity: 'high',
  why: 'After an incident the audit log is all there is. One that is kept in memory is gone with the restart, and one that the service may change can be changed by whoever takes it over.',
  link: 'https://www.hhs.gov/hipaa/for-professionals/security/laws-regulations/index.html',
  looksFor:
    'where models read like data of health, payments or identity: a table or model that reads like an audit log and code or a trigger that writes to it; audit code that only fills an array; `$use`, which Prisma 7 does not have; live: that such a table exists and that the signed-in role may neither update, delete nor truncate it. That rows appear and survive tampering is for a drill',
  remedy:
    'Write audit rows in the transaction that they tell of, best by triggers, which also see raw SQL. Grant the role of the service INSERT and SELECT on the table, and nothing else.',
  example: {
    language: 'sql',
    before: 'GRANT ALL ON audit_log TO app;',
    after: 'REVOKE ALL ON audit_log FROM app;\nGRANT SELECT, INSERT ON audit_log TO app;',
  },
  effort: 'days',
  static: (project) => {
    if (!project.prisma && !project.pg) return notApplicable('the project uses neither Prisma nor pg');
    const tables = tablesOf(project);
    const writers = writersOf(project);
    const findings = [...removed(project), ...inMemory(project, writers)];
    const evidence = [
      ...tables.slice(0, 3).map(({ name, place }) => `${name} (${place.file}:${place.line})`),
      ...writers.slice(0, 3).map(({ file, line }) => `${file}:${line} writes it`),
    ];
    if (findings.length > 0 || writers.length > 0) return judged(findings, evidence);
    const told = toldToLog(project);
    if (told) return judged([], [`${told.file}:${told.line} tells the log; that the log is kept cannot be seen from here`]);
    const [table] = tables;
    if (!table && !holdsSensitive(project)) return notApplicable(NOTHING_SENSITIVE);
    return judged([
      table
        ? finding('warn', `nothing writes to ${table.name}`, table.place)
        : finding('warn', 'nothing keeps who did what: there is no audit log'),
    ]);
  },
  database: async ({ query }, project) => {
    const found = await query<Table>(TABLES);
    if (found.length === 0 && !holdsSensitive(project)) return notApplicable(NOTHING_SENSITIVE);
    if (found.length === 0) return judged([finding('warn', 'no table of the database reads like an audit log')]);
    const findings = found.flatMap(({ name, may }) =>
      may.length > 0 ? [finding('fail', `the signed-in role may ${may.join(', ').toLowerCase()} on ${name}`)] : [],
    );
    return judged(
      findings,
      found.filter(({ may }) => may.length === 0).map(({ name }) => `${name} cannot be changed by the signed-in role`),
    );
  },
  drill: monitorAuditLog,
};

const NOTHING_SENSITIVE = 'no model of the schema reads like data of health, payments or identity, which others may ask an account of';
/** Parts of names of models and fields that hold such data. */
const SENSITIVE =
  /patient|medic|health_?(record|data)|diagnos|treatment|prescri|allerg|clinic|social_?security|\bssn\b|passport|national_?id|tax_?id|birth|\bdob\b|insur|iban|card_?number|bank_?account|payment|invoice|transfer|salary|payroll|consent/i;

/** True as well where no schema tells. */
function holdsSensitive({ schemas, files }: Project): boolean {
  const texts = schemas.flatMap((schema) => schema.files.map((path) => files.read(path) ?? ''));
  return (
    texts.length === 0 || texts.some((text) => SENSITIVE.test(text.replaceAll(/\/\/.*$/gm, '').replaceAll(/([a-z])([A-Z])/g, '$1_$2')))
  );
}

const NAME = /(^|_|\b)(audit(_?(log|trail|event|entr\w*|record|row|history))?s?|access_?logs?|activity_?logs?|audits)($|_|\b)/i;

type Table = { name: string; may: string[] };

// Seals, exports and settings of an audit are not the log itself.
const TABLES = `
  SELECT nspname || '.' || relname AS name,
    ARRAY(SELECT privilege FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) privilege WHERE has_table_privilege(c.oid, privilege)) AS may
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname <> 'information_schema' AND nspname !~ '^pg_'
    AND relname ~* '^(.*_)?(audit(_?(log|trail|event|entry|entries|record|row|history))?s?|access_?logs?|activity_?logs?)$'
  ORDER BY 1`;

/** Models of a schema, and tables of migrations. */
function tablesOf(project: Project): { name: string; place: Place }[] {
  const models = project.schemas.flatMap(({ models: all }) => all.filter(({ name }) => NAME.test(snake(name))));
  const migrated = project.files.paths
    .filter((path) => path.endsWith('.sql') && !['test', 'example'].includes(project.kindOf(path)))
    .flatMap((path) => {
      const text = project.files.read(path) ?? '';
      return [...text.matchAll(/CREATE TABLE (?:IF NOT EXISTS )?(?:"?\w+"?\.)?"?(\w+)"?/gi)].flatMap(({ 1: name = '', index }) =>
        NAME.test(snake(name)) ? [{ name, place: { file: path, line: lineAt(text, index) } }] : [],
      );
    });
  return [...models, ...migrated];
}

function snake(name: string): string {
  return name.replaceAll(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
}

/** Model calls, raw statements and triggers that fill such a table. */
function writersOf(project: Project): Place[] {
  const code = project
    .sourcesWith('audit', 'Audit', 'accessLog', 'access_log', 'activityLog', 'activity_log')
    .flatMap((source) => writesIn(source, project));
  const triggers = project.files.paths
    .filter((path) => path.endsWith('.sql') && !['test', 'example'].includes(project.kindOf(path)))
    .flatMap((path) => {
      const text = project.files.read(path) ?? '';
      // Seals of a log are made from it; what writes them writes no log.
      const found = /INSERT INTO (?:"?\w+"?\.)?"?(?!\w*seal)(\w*(?:audit|access_log|activity_log)\w*)"?/i.exec(text);
      return found ? [{ file: path, line: lineAt(text, found.index) }] : [];
    });
  return [...code, ...triggers];
}

function writesIn(source: Source, project: Project): Place[] {
  const places: Place[] = [];
  walk(source.program, (node) => {
    const called = isWrite(node, project) ? modelCall(node, project) : null;
    const text = node.type === 'TemplateElement' ? node.value.raw : textOf(node);
    const isRaw = text !== null && /INSERT INTO (?:"?\w+"?\.)?"?\w*(?:audit|access_log|activity_log)/i.test(text);
    if ((called && NAME.test(snake(called.model))) || isRaw) places.push(placeOf(source, node));
  });
  return places;
}

/** Audit code that writes to the log of the service, which a platform keeps apart from it. */
function toldToLog(project: Project): Place | null {
  for (const source of project.sourcesWith('audit', 'Audit')) {
    const found = findBelow(source.program, (node) =>
      node.type === 'CallExpression' &&
      /(^|\.)(\w*log(ger)?|console|audit\w*)\.(info|log|write|audit|emit|notice)$/i.test(dottedName(node.callee)) &&
      (/audit/i.test(source.path) || /audit/i.test(source.text.slice(node.start, node.end)))
        ? node
        : null,
    );
    if (found) return placeOf(source, found);
  }
  return null;
}

/** Middleware of the client was removed: what registers it throws at start, or never runs. */
function removed(project: Project): Finding[] {
  if ((project.prisma?.major ?? 0) < 7) return [];
  return project.sourcesWith('$use').flatMap((source) => {
    const findings: Finding[] = [];
    visit(source, {
      CallExpression(node) {
        if (calledName(node.callee) !== '$use') return;
        const text = source.text.slice(node.start, node.end);
        if (/audit|history|activity/i.test(text) || /audit/i.test(source.path))
          findings.push(
            finding(
              'fail',
              'the audit log hangs on `$use`, which Prisma 7 does not have; use a trigger or `$extends`',
              placeOf(source, node),
              excerptOf(source, node),
            ),
          );
      },
    });
    return findings;
  });
}

/** Audit code whose only keeping place is an array of the process. */
function inMemory(project: Project, writers: Place[]): Finding[] {
  if (writers.length > 0) return [];
  return project.sourcesWith('audit', 'Audit').flatMap((source) => {
    const arrays = new Set(
      [...source.variables].flatMap(([name, init]) => (isEmptyArray(init) && /audit|log|event|entr|record/i.test(name) ? [name] : [])),
    );
    const pushed = findBelow(source.program, (node) =>
      node.type === 'CallExpression' &&
      node.callee.type === 'MemberExpression' &&
      /^(push|unshift)$/.test(calledName(node.callee)) &&
      node.callee.object.type === 'Identifier' &&
      arrays.has(node.callee.object.name) &&
      (/audit/i.test(node.callee.object.name) || /audit/i.test(source.path))
        ? node
        : null,
    );
    return pushed
      ? [
          finding(
            'fail',
            'audit entries are kept in memory only: they are gone with the process',
            placeOf(source, pushed),
            excerptOf(source, pushed),
          ),
        ]
      : [];
  });
}

/** Of the module itself: a list inside a function is on its way to somewhere. */
function isEmptyArray(init: Node): boolean {
  return init.type === 'ArrayExpression' && init.elements.length === 0;
}
