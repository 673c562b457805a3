import { couldNotCheck, finding, judged, notApplicable, type Check, type Finding, type Judgement } from '../../check.ts';
import type { LiveService } from '../../live/service.ts';
import type { Project } from '../../project/project.ts';
import { modelCall, sourcesCalling, type ModelCall } from '../../project/queries.ts';
import { calledName, excerptOf, nameOf, placeOf, propertyOf, textOf, type Node, type Source } from '../../project/source.ts';
import { mayHold, valueOf } from '../../project/values.ts';
import { bare, findBelow, isFunction, walk, type FunctionNode } from '../../project/walk.ts';

export const pagination: Check = {
  id: 'practice.pagination',
  title: 'Lists have a hard limit',
  category: 'Best practices',
  severity: 'medium',
  why: 'A list without a limit is fast on the first day and takes the memory of the process and the time of the database when the table has grown; one caller is enough.',
  link: 'https://www.prisma.io/docs/orm/prisma-client/queries/pagination',
  looksFor:
    '`findMany` without `take` in handlers of routes and in functions named list, findAll, getAll or index, where `where` is missing or names only the tenant or flags such as `isActive`, on models that do not read like a short table (roles, settings, categories ...); `take` straight from the request without a cap; live: lists of the OpenAPI document without a parameter that limits them',
  remedy: 'Give every list a `take` with a hard cap and a cursor, sorted by columns that end with a unique one.',
  example: {
    language: 'ts',
    before: "app.get('/patients', async (c) => c.json(await prisma.patient.findMany()));",
    after:
      "app.get('/patients', async (c) => {\n  const limit = Math.min(Number(c.req.query('limit') ?? 50), 100);\n  const cursor = c.req.query('cursor');\n  const rows = await prisma.patient.findMany({ take: limit, orderBy: { id: 'asc' }, ...(cursor ? { cursor: { id: cursor }, skip: 1 } : {}) });\n  return c.json({ items: rows, nextCursor: rows.at(-1)?.id ?? null });\n});",
  },
  effort: '2 hours',
  static: (project) => {
    if (!project.prisma) return notApplicable('the project does not use Prisma');
    const lists = sourcesCalling(project, ['findMany']).flatMap((source) => listsOf(source, project));
    const findings = lists.flatMap((list) => judgeList(list, project));
    const limited = lists.filter(({ called }) => called.options && mayHold(called.options, 'take')).length;
    if (lists.length === 0) return notApplicable('nothing calls findMany');
    const seen = `${limited} of ${lists.length} ${lists.length === 1 ? 'call' : 'calls'} of findMany have \`take\``;
    return judged(findings, [
      limited === lists.length || findings.length > 0 ? seen : `${seen}, and no other reads a whole table for a caller`,
    ]);
  },
  http: (service) => judgeDocument(service),
};

type List = { called: ModelCall; source: Source; around: Node[] };

function listsOf(source: Source, project: Project): List[] {
  const lists: List[] = [];
  walk(source.program, (node, around) => {
    const called = modelCall(node, project);
    if (called?.method === 'findMany') lists.push({ called, source, around: [...around] });
  });
  return lists;
}

/** Of a tenant, or of a state that most rows have: rows that fit grow with the table. */
const WIDE =
  /^(tenant|organi[sz]ation|org|company|account|workspace|team|clinic|practice|business|store|shop|project)(_?id)?$|^(is_?)?(active|deleted|archived|enabled|published|visible)$|^deleted_?at$|^archived_?at$/i;
/** Models that people fill in by hand once. */
const SHORT =
  /categor|setting|role|permission|plan$|plans$|countr|currenc|tag|type|status|config|feature|template|locale|language|unit|tax|region|state$|preference|webhook|location|branch|department/i;
const LIST_NAMES = /^(list|findAll|getAll|fetchAll|index$|all$)/;

function judgeList({ called, source, around }: List, project: Project): Finding[] {
  const { options, model, call } = called;
  const place = placeOf(source, call);
  if (options && !valueOf(options, source, project.resolve).object) return [];
  const take = propertyOf(options, 'take');
  if (take && isAsked(take, around))
    return [finding('warn', `the caller decides how many rows of ${model} are read, without a cap`, place, excerptOf(source, take))];
  if ((options && mayHold(options, 'take')) || SHORT.test(model)) return [];
  const where = propertyOf(options, 'where');
  const isEmpty = where?.type === 'ObjectExpression' && where.properties.length === 0;
  const isWhole = where === null || isEmpty;
  if (!isList(around))
    return isWhole && isService(around) && !isOnPurpose(around, source.path)
      ? [finding('warn', `all rows of ${model} are read, however many there are`, place, excerptOf(source, call))]
      : [];
  if (isWhole) return [finding('fail', `all rows of ${model} are read, however many there are`, place, excerptOf(source, call))];
  return isWide(where, source, project)
    ? [finding('warn', `all rows of ${model} of a tenant are read, however many there are`, place, excerptOf(source, call))]
    : [];
}

function isWide(where: Node, source: Source, project: Project): boolean {
  const { object } = valueOf(where, source, project.resolve);
  if (object?.node.type !== 'ObjectExpression') return false;
  return object.node.properties.every((one) => one.type === 'Property' && !one.computed && WIDE.test(nameOf(one.key)));
}

/** In a handler of a route, or in a function that is named like a list. */
function isList(around: Node[]): boolean {
  return around.some(
    (one, index) => isFunction(one) && (LIST_NAMES.test(nameAround(one, around[index - 1])) || isHandler(one, around[index - 1])),
  );
}

function nameAround(fn: FunctionNode, parent: Node | undefined): string {
  if (fn.id) return fn.id.name;
  if (parent?.type === 'VariableDeclarator' && parent.id.type === 'Identifier') return parent.id.name;
  return parent?.type === 'Property' || parent?.type === 'MethodDefinition' || parent?.type === 'PropertyDefinition'
    ? nameOf(parent.key)
    : '';
}

function isHandler(fn: FunctionNode, parent: Node | undefined): boolean {
  if (parent?.type === 'CallExpression')
    return calledName(parent.callee) === 'get' && (textOf(parent.arguments[0])?.startsWith('/') ?? false) && parent.arguments.length > 1;
  if (parent?.type === 'MethodDefinition')
    return parent.decorators.some((one) => one.expression.type === 'CallExpression' && calledName(one.expression.callee) === 'Get');
  // Next.js, Remix and SvelteKit: what a page shows, and what a route answers.
  return parent?.type === 'ExportDefaultDeclaration' || /^(GET|loader|load|getServerSideProps)$/.test(nameAround(fn, parent));
}

/** In a method of a class that a container makes, such as NestJS' services: it does not know how many rows its callers want. */
function isService(around: Node[]): boolean {
  return around.some(
    (node) =>
      node.type === 'ClassDeclaration' &&
      node.decorators.some(({ expression }) => expression.type === 'CallExpression' && calledName(expression.callee) === 'Injectable'),
  );
}

/** Work that goes through everything on purpose. */
const WHOLE = /export|backup|import|migrat|backfill|sync|cron|job|task|report|digest|remind|clean|purge|seed|stat|metric|index|cache|warm/i;

function isOnPurpose(around: Node[], path: string): boolean {
  const names = around.map((one, index) => (isFunction(one) ? nameAround(one, around[index - 1]) : ''));
  return [path.slice(path.lastIndexOf('/') + 1), ...names].some((name) => WHOLE.test(name));
}

/** `Number(req.query.limit)`, here or in the variable, with nothing around it that could hold it down. */
function isAsked(take: Node, around: Node[]): boolean {
  const given = bare(take);
  if (given.type !== 'Identifier') return isFromRequest(given);
  const fn = around.findLast((one) => isFunction(one));
  if (!fn) return false;
  const declared = findBelow(fn, (node) =>
    node.type === 'VariableDeclarator' && node.id.type === 'Identifier' && node.id.name === given.name ? node : null,
  );
  if (!declared?.init || !isFromRequest(declared.init)) return false;
  // Compared, changed or passed on somewhere: it may be capped there.
  return (
    findBelow(fn, (node) =>
      (node.type === 'BinaryExpression' &&
        [node.left, node.right].some((side) => side.type === 'Identifier' && side.name === given.name)) ||
      (node.type === 'AssignmentExpression' && node.left.type === 'Identifier' && node.left.name === given.name)
        ? node
        : null,
    ) === null
  );
}

function isFromRequest(node: Node): boolean {
  const capped = findBelow(node, (one) =>
    (one.type === 'CallExpression' && /^(min|clamp|parse|safeParse|limit\w*|cap\w*)$/i.test(calledName(one.callee))) ||
    one.type === 'ConditionalExpression'
      ? one
      : null,
  );
  if (capped) return false;
  return (
    findBelow(node, (one) => {
      if (one.type === 'MemberExpression' && nameOf(one.property) === 'query' && /^(req|request)$/.test(objectName(one.object))) return one;
      if (one.type === 'CallExpression' && one.callee.type === 'MemberExpression' && nameOf(one.callee.property) === 'query') return one;
      return one.type === 'MemberExpression' && nameOf(one.property) === 'searchParams' ? one : null;
    }) !== null
  );
}

function objectName(node: Node): string {
  return node.type === 'Identifier' ? node.name : node.type === 'MemberExpression' ? nameOf(node.property) : '';
}

const DOCUMENTS = ['/openapi.json', '/api/openapi.json', '/api-json', '/docs/json', '/swagger.json', '/documentation/json'];
const LIMITS = /^(limit|take|first|size|page|page_?size|per_?page|cursor|count|top|max_?results|from|to|date|day|since)$/i;

type Schema = { type?: string; $ref?: string; properties?: Record<string, Schema> };
type Operation = {
  parameters?: { name?: string; $ref?: string }[];
  responses?: Record<string, { content?: Record<string, { schema?: Schema }> }>;
};
type OpenApi = { paths?: Record<string, { get?: Operation }>; components?: { schemas?: Record<string, Schema> } };

async function judgeDocument(service: LiveService): Promise<Judgement> {
  for (const path of DOCUMENTS) {
    const { status, json } = await service.get(path, { withinMillis: 5_000 });
    const document = status === 200 && typeof json === 'object' && json !== null ? (json as OpenApi) : {};
    if (!document.paths) continue;
    const lists = Object.entries(document.paths).flatMap(([route, { get }]) => (get && answersList(get, document) ? [{ route, get }] : []));
    const open = lists.filter(({ get }) => !(get.parameters ?? []).some(({ name, $ref }) => LIMITS.test(name ?? lastOf($ref))));
    return judged(
      open.map(({ route }) => finding('warn', `GET ${route} answers a list and takes no parameter that limits it`)),
      [`${lists.length - open.length} of ${lists.length} lists of ${path} take a parameter that limits them`],
    );
  }
  return couldNotCheck(`the service offers no OpenAPI document (${DOCUMENTS.join(', ')})`);
}

function lastOf(reference: string | undefined): string {
  return reference?.split('/').at(-1) ?? '';
}

/** A list itself, or a page around one. */
function answersList({ responses }: Operation, { components }: OpenApi): boolean {
  const whole = (schema: Schema | undefined) => (schema?.$ref ? components?.schemas?.[lastOf(schema.$ref)] : schema);
  return Object.values(responses?.['200']?.content ?? {}).some((content) => {
    const schema = whole(content.schema);
    return (
      schema?.type === 'array' || ['items', 'data', 'results', 'rows'].some((name) => whole(schema?.properties?.[name])?.type === 'array')
    );
  });
}
