import { finding, judged, notApplicable, type Check, type Finding, type Place } from '../../check.ts';
import { resilienceErrorMap } from '../../drills/resilience-error-map.ts';
import type { Project } from '../../project/project.ts';
import { sourcesWithAll } from '../../project/search.ts';
import { calledName, excerptOf, nameOf, placeOf, propertyOf, textOf, type Node, type Source } from '../../project/source.ts';
import { valueOf } from '../../project/values.ts';
import { bare, findBelow, isFunction, walk, type FunctionNode } from '../../project/walk.ts';

export const errorMap: Check = {
  id: 'resilience.error-map',
  title: 'Database errors have one answer each',
  category: 'Resilience',
  severity: 'medium',
  why: 'Without a mapping a duplicate key is a 500 that callers try again for ever, and its text tells strangers the names of tables, columns and hosts, and values of rows.',
  link: 'https://www.prisma.io/docs/orm/reference/error-reference',
  looksFor:
    'code that tells errors apart by Prisma codes (P2002, P2025 ...) or SQLSTATEs; answers of status 500 that hold the message of a caught error; with a driver adapter, what only Prisma 6 had (`meta.target`). That each class gets its answer is for a drill',
  remedy: (project) =>
    `Classify errors in one function, by SQLSTATE${project.prisma?.hasAdapter ? ' (`meta.driverAdapterError.cause`, or the cause of a bare DriverAdapterError)' : ''} or Prisma's code: duplicate 409, missing 404, bad value 422, busy or away 503 with Retry-After, too slow 504. Answer with a constant text, log the class.`,
  example: {
    language: 'ts',
    before: 'app.onError((error, c) => c.json({ error: error.message }, 500));',
    after:
      "app.onError((error, c) => {\n  const known = handleDatabaseError(error);\n  return c.json({ error: known?.message ?? 'Something went wrong.' }, known?.status ?? 500);\n});",
  },
  effort: '2 hours',
  static: (project) => {
    if (!project.prisma && !project.pg) return notApplicable('the project uses neither Prisma nor pg');
    const told = toldApart(project);
    const maps = told.filter(({ codes }) => codes.size > 1);
    const findings = [...toldToCallers(project), ...vanished(project)];
    if (maps.length === 0) findings.push(unmapped(project, told));
    return judged(
      findings,
      maps.slice(0, 3).map(({ source, codes }) => `${source.path} tells ${[...codes].slice(0, 6).join(', ')} apart`),
    );
  },
  drill: resilienceErrorMap,
};

const CODE = /^(P[12]\d{3}|23(505|503|502|514|P01)|40(001|P01)|57014|55P03|53300|57P01)$/;

type Told = { source: Source; codes: Set<string>; place: Place };

/** No file tells two classes apart; what there is instead. */
function unmapped(project: Project, told: Told[]): Finding {
  const [first] = told;
  if (first) {
    const where = told.slice(0, 3).map(({ codes, place }) => `${[...codes].join(', ')} in ${place.file}:${place.line}`);
    return finding(
      'warn',
      `there is no one mapping of database errors, only ${where.join('; ')}: the rest get the same answer`,
      first.place,
    );
  }
  for (const source of project.sourcesWith('PrismaClientKnownRequestError')) {
    const found = findBelow(source.program, (node) =>
      node.type === 'BinaryExpression' && node.operator === 'instanceof' && calledName(node.right) === 'PrismaClientKnownRequestError'
        ? node
        : null,
    );
    if (found)
      return finding(
        'warn',
        'all PrismaClientKnownRequestError get one answer: a duplicate, a missing row and a busy database look alike to callers',
        placeOf(source, found),
        excerptOf(source, found),
      );
  }
  return finding('warn', 'nothing tells database errors apart: a duplicate and an outage get the same answer');
}

/** Files that tell classes of errors apart; those with the most first. */
function toldApart(project: Project): Told[] {
  const sources = project.sourcesWith('P2002', 'P2025', 'P2003', '23505', '23503', '40001', '40P01');
  return sources
    .map((source) => {
      const codes = new Set<string>();
      let first: Node = source.program;
      walk(source.program, (node) => {
        const text = textOf(node) ?? (node.type === 'Property' && node.key.type === 'Identifier' ? node.key.name : '');
        if (!CODE.test(text)) return;
        if (codes.size === 0) first = node;
        codes.add(text);
      });
      return { source, codes, place: placeOf(source, first) };
    })
    .filter(({ codes }) => codes.size > 0)
    .toSorted((a, b) => b.codes.size - a.codes.size);
}

/** Answers with status 500 that say what the error said. */
function toldToCallers(project: Project): Finding[] {
  return sourcesWithAll(project, ['.message', '.stack', '.meta', '.detail'], ['.json(', '.send(']).flatMap((source) => {
    const findings: Finding[] = [];
    walk(source.program, (node, around) => {
      if (node.type !== 'CallExpression') return;
      const sent = sentBody(node, source, project);
      if (!sent || !sent.isServerError) return;
      const leak = errorText(sent.body, around);
      if (!leak || isKnown(leak, [...around, node], source, project)) return;
      findings.push(
        finding(
          'fail',
          'the answer holds the message of whatever went wrong, which for a database error names tables, columns and hosts',
          placeOf(source, node),
          excerptOf(source, node),
        ),
      );
    });
    return findings;
  });
}

/** `c.json(body, 500)`, `res.status(500).json(body)`, `reply.code(500).send(body)`, `Response.json(body, { status: 500 })`. */
function sentBody(
  node: Extract<Node, { type: 'CallExpression' }>,
  source: Source,
  project: Project,
): { body: Node; isServerError: boolean } | null {
  const { callee } = node;
  if (callee.type !== 'MemberExpression' || !/^(json|send)$/.test(calledName(callee))) return null;
  const [body, second] = node.arguments;
  if (!body || body.type === 'SpreadElement') return null;
  const stated = second && second.type !== 'SpreadElement' ? (propertyOf(second, 'status') ?? second) : chainedStatus(callee.object);
  if (!stated) return null;
  const { value } = valueOf(stated, source, project.resolve);
  if (typeof value === 'number') return { body, isServerError: value >= 500 };
  // `error.status || 500`
  const falls = findBelow(stated, (one) => (one.type === 'Literal' && one.value === 500 ? one : null));
  return { body, isServerError: falls !== null };
}

function chainedStatus(node: Node): Node | null {
  if (node.type !== 'CallExpression' || !/^(status|code)$/.test(calledName(node.callee))) return null;
  const [status] = node.arguments;
  return status && status.type !== 'SpreadElement' ? status : null;
}

type ErrorText = { node: Node; name: string; inside: Node[] };

/** `error.message` in the body, where `error` was caught or handed to an error handler. */
function errorText(body: Node, around: Node[]): ErrorText | null {
  return findBelow(body, (node, inside) => {
    if (node.type !== 'MemberExpression' || !/^(message|stack|meta|detail)$/.test(nameOf(node.property))) return null;
    const object = bare(node.object);
    return object.type === 'Identifier' && isCaught(object.name, around) ? { node, name: object.name, inside: [...inside] } : null;
  });
}

function isCaught(name: string, around: Node[]): boolean {
  return around.some((one, index) => {
    if (one.type === 'CatchClause') return one.param?.type === 'Identifier' && one.param.name === name;
    return (
      isFunction(one) &&
      isErrorHandler(one, around[index - 1]) &&
      one.params.some((parameter) => 'name' in parameter && parameter.name === name)
    );
  });
}

/** Four parameters are Express' sign of it. */
function isErrorHandler(fn: FunctionNode, parent: Node | undefined): boolean {
  const name = fn.id?.name ?? (parent?.type === 'VariableDeclarator' && parent.id.type === 'Identifier' ? parent.id.name : '');
  const given = parent?.type === 'CallExpression' ? calledName(parent.callee) : '';
  return fn.params.length === 4 || /error/i.test(name) || /^(onError|setErrorHandler|catch)$/.test(given);
}

/** Only errors of the service's own kind come here, or nothing of it reaches production. */
function isKnown(leak: ErrorText, around: Node[], source: Source, project: Project): boolean {
  const path = [...around, ...leak.inside, leak.node];
  const ends = path.slice(1);
  for (const [index, one] of path.entries()) {
    if (one.type !== 'IfStatement' && one.type !== 'ConditionalExpression') continue;
    const isIn = ends[index] === one.consequent;
    const isElse = ends[index] === one.alternate;
    if (!isIn && !isElse) continue;
    const { value, env } = valueOf(one.test, source, project.resolve);
    if (env === 'NODE_ENV' && typeof value === 'boolean' && value !== isIn) return true;
    if (isIn && narrows(one.test, leak.name)) return true;
  }
  return path.some(
    (one) => one.type === 'LogicalExpression' && one.operator === '&&' && valueOf(one.left, source, project.resolve).value === false,
  );
}

/** `error instanceof ProblemError`, `isHttpError(error)`, `error.expose`; that it is an Error at all says nothing. */
function narrows(test: Node, name: string): boolean {
  return (
    findBelow(test, (node) => {
      if (node.type === 'BinaryExpression' && node.operator === 'instanceof')
        return node.right.type === 'Identifier' && node.right.name !== 'Error' && !/Prisma|Database/.test(node.right.name) ? node : null;
      if (node.type === 'CallExpression') return node.arguments.some((one) => one.type === 'Identifier' && one.name === name) ? node : null;
      return node.type === 'MemberExpression' &&
        /^(expose|isOperational|isPublic|isBoom|status|statusCode|code|name)$/.test(nameOf(node.property))
        ? node
        : null;
    }) !== null
  );
}

/** Fields of errors that Prisma 7's adapters do not fill. */
function vanished(project: Project): Finding[] {
  if (!project.prisma?.hasAdapter || project.prisma.major < 7) return [];
  return project.sourcesWith('target').flatMap((source) => {
    if (!source.text.includes('P2002')) return [];
    const found = findBelow(source.program, (node) =>
      node.type === 'MemberExpression' &&
      nameOf(node.property) === 'target' &&
      node.object.type === 'MemberExpression' &&
      nameOf(node.object.property) === 'meta'
        ? node
        : null,
    );
    return found
      ? [
          finding(
            'warn',
            '`meta.target` of P2002 is empty in Prisma 7 with an adapter; the constraint is in `meta.driverAdapterError.cause.constraint`',
            placeOf(source, found),
            excerptOf(source, found),
          ),
        ]
      : [];
  });
}
