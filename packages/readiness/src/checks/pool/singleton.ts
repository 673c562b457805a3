import { couldNotCheck, finding, judged, type Check, type Finding } from '../../check.ts';
import type { Service } from '../../project/packages.ts';
import type { Project } from '../../project/project.ts';
import { ancestorsOf, calledName, dottedName, nameOf, visit, type Node, type Source } from '../../project/source.ts';
import { isFunction } from '../../project/walk.ts';
import { eachService, OWN_SERVERS } from './services.ts';
import { said } from './settings.ts';
import { clientSites, sourcesOf, type Site } from './sites.ts';

export const singleton: Check = {
  id: 'pool.singleton',
  title: 'No client or pool is made for each request',
  category: 'Connection pool',
  severity: 'high',
  why: 'A client that is made for each request opens a pool for each request; one that every hot reload makes again fills the server of whoever develops.',
  link: 'https://www.prisma.io/docs/orm/more/help-and-troubleshooting/nextjs-help',
  looksFor:
    'constructions that run once: at the top of a module, in a cached factory, or by a container; not in handlers of requests; in frameworks with hot reload, kept on globalThis',
  remedy: 'Make the client in a module of its own and import it; where modules are loaded again (Next.js), keep it on globalThis.',
  example: {
    language: 'ts',
    before: "app.get('/orders', async (req, res) => {\n  const prisma = new PrismaClient();",
    after:
      "const kept = globalThis as unknown as { prisma?: PrismaClient };\nexport const prisma = kept.prisma ?? new PrismaClient();\nif (process.env.NODE_ENV !== 'production') kept.prisma = prisma;",
  },
  effort: '30 minutes',
  static: (project) =>
    eachService(project, (service) => {
      const sites = clientSites(project, service).filter(({ role }) => role === 'main');
      if (sites.length === 0) return couldNotCheck(`no construction of a client or a pool was found in ${service.name}`);
      const findings: Finding[] = [];
      const evidence: string[] = [];
      for (const site of sites) {
        const made = madeHow(project, service, site);
        if (made === 'for each request')
          findings.push(finding('fail', `a ${site.what} is made for each request`, site.place, site.excerpt));
        else if (made === 'once' && service.framework && OWN_SERVERS.has(service.framework) && !isPartOfKept(sites, site)) {
          const message = `hot reload makes a further ${site.what} each time: it is not kept on globalThis`;
          findings.push(finding('warn', message, site.place, site.excerpt));
        } else evidence.push(`${said(site.place)} makes a ${site.what} once${made === 'kept' ? ', kept on globalThis' : ''}`);
      }
      return judged(findings, evidence);

      function isPartOfKept(all: Site[], { what }: Site): boolean {
        // A pool that the kept client is given lives as long as that client.
        return what === 'pool' && all.some((one) => one.what === 'client' && madeHow(project, service, one) === 'kept');
      }
    }),
};

type Made = 'once' | 'kept' | 'for each request';

function madeHow(project: Project, service: Service, { source, node }: Site): Made {
  if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') return 'once';
  const around = ancestorsOf(source, node);
  if (isKept(source, around)) return 'kept';
  const inner = around.findLast(isFunction);
  if (!inner) return 'once';
  if (around.some((one, index) => isFunction(one) && isRequestHandler(source, one, around[index - 1]))) return 'for each request';
  // Assigned to a variable of the module: made by the first call only.
  if (around.some((one) => one.type === 'AssignmentExpression' && one.start > inner.start)) return 'once';
  const name = nameOfFunction(inner, around);
  const calls = name ? callsOf(project, service, name) : [];
  if (calls.some(({ from, above }) => isKept(from, above))) return 'kept';
  const isCalledByRequests = calls.some(({ from, above }) =>
    above.some((one, index) => isFunction(one) && isRequestHandler(from, one, above[index - 1])),
  );
  return isCalledByRequests && !isCached(inner) ? 'for each request' : 'once';
}

/** `globalThis.prisma ??= new ...`, `global.prisma || new ...`, and a variable that is put there later. */
function isKept(source: Source, around: Node[]): boolean {
  const isGlobal = (node: Node) =>
    /^global/i.test(dottedName(node)) || (node.type === 'MemberExpression' && isCastGlobal(node.object)) || isGlobalAlias(source, node);
  const held = around.some(
    (one) => (one.type === 'LogicalExpression' && isGlobal(one.left)) || (one.type === 'AssignmentExpression' && isGlobal(one.left)),
  );
  if (held) return true;
  const variable = around.findLast((one) => one.type === 'VariableDeclarator');
  const name = variable?.id.type === 'Identifier' ? variable.id.name : null;
  if (!name) return false;
  let isPutThere = false;
  visit(source, {
    AssignmentExpression({ left, right }) {
      if (right.type === 'Identifier' && right.name === name && isGlobal(left)) isPutThere = true;
    },
  });
  return isPutThere;
}

function isCastGlobal(node: Node): boolean {
  if (node.type === 'ParenthesizedExpression' || node.type === 'TSAsExpression' || node.type === 'TSNonNullExpression')
    return isCastGlobal(node.expression);
  return node.type === 'Identifier' && /^global/i.test(node.name);
}

/** `const kept = globalThis as unknown as {...}; kept.prisma` */
function isGlobalAlias(source: Source, node: Node): boolean {
  if (node.type !== 'MemberExpression' || node.object.type !== 'Identifier') return false;
  const first = source.variables.get(node.object.name);
  return first !== undefined && isCastGlobal(first);
}

const ROUTE = /^(get|post|put|patch|delete|all|use|route|on|handle|query|mutation|subscription|addHook|openapi|resolver|action|loader)$/;
const EXPORTED =
  /^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|handler|loader|action|getServerSideProps|createContext|createTRPCContext|fetch)$/;
const REQUEST = /^_?(req|request|ctx|c|context|event)$/;
const ANSWER = /^_?(res|response|reply|rep|h|next)$/;
const HTTP_DECORATOR = /^(Get|Post|Put|Patch|Delete|All|Query|Mutation|Subscription|MessagePattern|EventPattern)$/;

/** A function that a framework calls for each request: given to a route, exported under a known name, or with a request's parameters. */
function isRequestHandler(source: Source, node: Node, parent: Node | undefined): boolean {
  if (parent?.type === 'CallExpression') {
    const [path] = parent.arguments;
    const isRoute = ROUTE.test(calledName(parent.callee)) && parent.callee.type === 'MemberExpression';
    return (
      isRoute && (calledName(parent.callee) === 'use' || path?.type === 'Literal' || path?.type === 'TemplateLiteral' || path === node)
    );
  }
  if (parent?.type === 'MethodDefinition')
    return parent.decorators.some(({ expression }) =>
      HTTP_DECORATOR.test(expression.type === 'CallExpression' ? calledName(expression.callee) : ''),
    );
  const parameters = 'params' in node && Array.isArray(node.params) ? node.params : [];
  const [first = '', second = ''] = parameters.map((one) => (one.type === 'Identifier' ? one.name : ''));
  if (REQUEST.test(first) && ANSWER.test(second)) return true;
  const name = node.type === 'FunctionDeclaration' ? (node.id?.name ?? '') : parent?.type === 'VariableDeclarator' ? nameOf(parent.id) : '';
  const isExported = ancestorsOf(source, node).some(({ type }) => type === 'ExportNamedDeclaration' || type === 'ExportDefaultDeclaration');
  return isExported && EXPORTED.test(name);
}

function nameOfFunction(node: Node, around: Node[]): string | null {
  if (node.type === 'FunctionDeclaration') return node.id?.name ?? null;
  const parent = around[around.indexOf(node) - 1];
  return parent?.type === 'VariableDeclarator' && parent.id.type === 'Identifier' ? parent.id.name : null;
}

function callsOf(project: Project, service: Service, name: string): { from: Source; above: Node[] }[] {
  return sourcesOf(project, service, `${name}(`).flatMap((from) => {
    const found: { from: Source; above: Node[] }[] = [];
    visit(from, {
      CallExpression(call) {
        if (call.callee.type === 'Identifier' && call.callee.name === name) found.push({ from, above: ancestorsOf(from, call) });
      },
    });
    return found;
  });
}

/** A factory that returns what it made before: it asks a variable, a map or globalThis first. */
function isCached(node: Node): boolean {
  const body = 'body' in node ? node.body : null;
  const statements = body && typeof body === 'object' && 'body' in body && Array.isArray(body.body) ? body.body : [];
  return statements.some((one) => 'type' in one && one.type === 'IfStatement');
}
