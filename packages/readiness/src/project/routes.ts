// The routes of a service whose paths are written down: Express, Hono, Fastify, NestJS, Next.js, Remix, SvelteKit, terminus.
import type { Place } from '../check.ts';
import { functionsOf, functionsOfName, type Fn } from './functions.ts';
import type { Project } from './project.ts';
import { calledName, nameOf, placeOf, propertyOf, textOf, type Node, type Source } from './source.ts';
import { valueOf } from './values.ts';
import { bare, findBelow, isFunction, walk } from './walk.ts';

export type Route = {
  /** Upper case; `ALL` for those that take any. */
  method: string;
  /** With the prefixes of the routers it is mounted in, as far as they were found. */
  path: string;
  place: Place;
  /** What answers, where the code could be found. */
  handlers: Fn[];
};

const METHODS = new Set(['get', 'post', 'put', 'patch', 'delete', 'all', 'head']);
const DECORATORS = new Set(['Get', 'Post', 'Put', 'Patch', 'Delete', 'All']);

/** The routes that these files declare; a router that is mounted has its prefix when the mounting is in one of them. */
export function routesIn(project: Project, sources: Source[]): Route[] {
  const mounts = sources.flatMap((source) => mountsOf(source, project));
  return sources.flatMap((source) => [...declared(source, project, mounts), ...decorated(source), ...byFile(source, project)]);
}

/** A router that is mounted below a prefix: by its name in its file, or (null) all that a file declares. */
type Mount = { from: string; file: string; name: string | null; prefix: string };

function declared(source: Source, project: Project, mounts: Mount[]): Route[] {
  const routes: Route[] = [];
  const add = (method: string, paths: string[], node: Node, router: string, handlers: Node[]) => {
    const found = handlers.flatMap((one) => functionsOf(one, source, project));
    for (const path of paths)
      for (const prefix of new Set(prefixesOf(source.path, router, mounts)))
        routes.push({ method: method.toUpperCase(), path: joined(prefix, path), place: placeOf(source, node), handlers: found });
  };
  walk(source.program, (node, around) => {
    if (node.type !== 'CallExpression') return;
    const callee = bare(node.callee);
    const name = calledName(callee);
    const router = callee.type === 'MemberExpression' && callee.object.type === 'Identifier' ? callee.object.name : '';
    const [first, ...rest] = node.arguments.filter((one) => one.type !== 'SpreadElement');
    if (!first || callee.type !== 'MemberExpression') return;
    if (METHODS.has(name) && rest.length > 0) add(name, pathsOf(first, source, project, around), node, router, rest);
    if (name === 'route' || name === 'openapi') {
      const described = describedBy(first, source);
      const paths = ['path', 'url'].flatMap((key) => pathsOf(propertyOf(described, key), source, project, around));
      const handler = propertyOf(described, 'handler');
      const method = textOf(propertyOf(described, 'method')) ?? 'get';
      if (paths.length > 0) add(method, paths, node, router, handler ? [handler] : rest);
    }
  });
  return [...routes, ...terminusChecks(source, project)];
}

/** `createRoute({ method, path })`, also as a constant, or the object itself. */
function describedBy(node: Node, source: Source): Node | null {
  const one = bare(node);
  if (one.type === 'ObjectExpression') return one;
  if (one.type === 'Identifier') {
    const init = source.variables.get(one.name);
    return init ? describedBy(init, source) : null;
  }
  const [first] = one.type === 'CallExpression' ? one.arguments : [];
  return first?.type === 'ObjectExpression' ? first : null;
}

/** @godaddy/terminus: `createTerminus(server, { healthChecks: { '/ready': check } })`. */
function terminusChecks(source: Source, project: Project): Route[] {
  const routes: Route[] = [];
  walk(source.program, (node) => {
    if (node.type !== 'Property' || nameOf(node.key) !== 'healthChecks' || node.value.type !== 'ObjectExpression') return;
    for (const one of node.value.properties)
      if (one.type === 'Property' && nameOf(one.key).startsWith('/'))
        routes.push({
          method: 'GET',
          path: nameOf(one.key),
          place: placeOf(source, one),
          handlers: functionsOf(one.value, source, project),
        });
  });
  return routes;
}

/** One path, a list of them, or a variable of a loop over a list. */
function pathsOf(node: Node | null, source: Source, project: Project, around: Node[]): string[] {
  if (!node) return [];
  const { value } = valueOf(node, source, project.resolve);
  if (typeof value === 'string') return value.startsWith('/') || value === '' || value === '*' ? [value] : [];
  if (node.type === 'ArrayExpression') return node.elements.flatMap((one) => textOf(one) ?? []);
  if (node.type !== 'Identifier') return [];
  for (const one of around.toReversed()) {
    const list = loopList(one, node.name, around);
    if (list) return pathsOf(bare(list), source, project, []);
  }
  return [];
}

function loopList(node: Node, variable: string, around: Node[]): Node | null {
  if (node.type === 'ForOfStatement' && node.left.type === 'VariableDeclaration') {
    const [declaration] = node.left.declarations;
    return declaration?.id.type === 'Identifier' && declaration.id.name === variable ? node.right : null;
  }
  const isCallback = node.type === 'ArrowFunctionExpression' && node.params[0]?.type === 'Identifier' && node.params[0].name === variable;
  const call = isCallback ? around[around.indexOf(node) - 1] : null;
  return call?.type === 'CallExpression' && calledName(call.callee) === 'forEach' && call.callee.type === 'MemberExpression'
    ? call.callee.object
    : null;
}

function mountsOf(source: Source, project: Project): Mount[] {
  const mounts: Mount[] = [];
  walk(source.program, (node) => {
    if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return;
    const name = calledName(node.callee);
    const [first, second] = node.arguments;
    const from = node.callee.object.type === 'Identifier' ? node.callee.object.name : '';
    if ((name === 'use' || name === 'route') && first && second) {
      const prefix = textOf(first);
      const target = node.arguments.at(-1);
      if (prefix !== null && target) mounts.push(...mountOf(target, prefix, `${source.path}#${from}`, source, project));
    }
    if (name === 'register' && first && second) {
      const prefix = textOf(propertyOf(second, 'prefix'));
      if (prefix !== null) mounts.push(...mountOf(first, prefix, `${source.path}#${from}`, source, project));
    }
  });
  return mounts;
}

function mountOf(target: Node, prefix: string, from: string, source: Source, project: Project): Mount[] {
  const node = bare(target);
  // `app.use('/api/*', ...)` is for what happens on the way, not for routers.
  if (/[*:]/.test(prefix)) return [];
  if (node.type === 'Identifier') {
    const imported = source.imports.get(node.name);
    if (!imported) return [{ from, file: source.path, name: node.name, prefix }];
    const other = project.resolve(source.path, imported.module);
    return other ? [{ from, file: other.path, name: null, prefix }] : [];
  }
  const required = node.type === 'CallExpression' && calledName(node.callee) === 'require' ? textOf(node.arguments[0]) : null;
  const other = required === null ? null : project.resolve(source.path, required);
  if (other) return [{ from, file: other.path, name: null, prefix }];
  // What a function of the same file makes cannot be told from the routers around it.
  const makers = node.type === 'CallExpression' ? functionsOf(node.callee, source, project) : functionsOf(node, source, project);
  return makers.filter((fn) => fn.source !== source).map((fn) => ({ from, file: fn.source.path, name: null, prefix }));
}

/** Where the router of a file is mounted, with where that one is mounted itself; nowhere is the root. */
function prefixesOf(file: string, router: string, mounts: Mount[], depth = 0): string[] {
  const own = mounts.filter((one) => one.file === file && (one.name === null || one.name === router));
  if (own.length === 0 || depth > 4) return [''];
  return own.flatMap(({ from, prefix }) => {
    const [where = '', name = ''] = from.split('#');
    return where === file && name === router ? [prefix] : prefixesOf(where, name, mounts, depth + 1).map((outer) => joined(outer, prefix));
  });
}

function joined(prefix: string, path: string): string {
  return `/${prefix}/${path}`.replaceAll(/\/{2,}/g, '/').replace(/(.)\/$/, '$1');
}

/** NestJS: methods with `@Get('ready')` of a class with `@Controller('health')`. */
function decorated(source: Source): Route[] {
  const routes: Route[] = [];
  walk(source.program, (node) => {
    if (node.type !== 'ClassDeclaration') return;
    const controller = decorator(node.decorators, (name) => name === 'Controller');
    if (!controller) return;
    const prefix = controller.path;
    for (const one of node.body.body) {
      if (one.type !== 'MethodDefinition' || !isFunction(one.value)) continue;
      const verb = decorator(one.decorators, (name) => DECORATORS.has(name));
      if (!verb) continue;
      const handlers = [{ node: one.value, source }];
      routes.push({ method: verb.name.toUpperCase(), path: joined(prefix, verb.path), place: placeOf(source, one), handlers });
    }
  });
  return routes;
}

function decorator(decorators: Node[], fits: (name: string) => boolean): { name: string; path: string } | null {
  for (const one of decorators) {
    const call = one.type === 'Decorator' && one.expression.type === 'CallExpression' ? one.expression : null;
    const name = call ? calledName(call.callee) : '';
    if (!call || !fits(name)) continue;
    const [first] = call.arguments;
    return { name, path: textOf(first) ?? textOf(propertyOf(first, 'path')) ?? '' };
  }
  return null;
}

/**
 * Next.js: `app/api/health/route.ts` exports its methods, `pages/api/health.ts` one handler. SvelteKit: `routes/health/+server.ts`.
 * Remix and React Router: `app/routes/health.ready.tsx` exports a `loader`.
 */
function byFile(source: Source, project: Project): Route[] {
  const app = /(?:^|\/)(?:app\/(.+)\/route|routes\/(.+)\/\+server)\.[cm]?[jt]sx?$/.exec(source.path)?.slice(1).find(Boolean);
  const remix = /(?:^|\/)app\/routes\/(.+?)(?:\/(?:route|index))?\.[cm]?[jt]sx?$/.exec(source.path)?.[1];
  const pages = /(?:^|\/)pages\/(api\/.+?)(?:\/index)?\.[cm]?[jt]sx?$/.exec(source.path)?.[1];
  if (app) {
    const path = `/${app.replaceAll(/\([^/]+\)\//g, '')}`;
    return ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].flatMap((method) => {
      const handlers = functionsOfName(method, source, project);
      return handlers.length > 0 ? [{ method, path, place: placeOf(source, handlers[0]?.node ?? source.program), handlers }] : [];
    });
  }
  const [loader] = remix && !app ? functionsOfName('loader', source, project) : [];
  if (remix && loader) {
    // A segment that begins with `_` is of the layout, and brackets keep a dot from being a slash.
    const segments = remix.replaceAll(/\[([^\]]*)\]/g, (_all, kept: string) => kept.replaceAll('.', '\0')).split(/[./]/);
    const path = segments
      .filter((one) => !one.startsWith('_'))
      .join('/')
      .replaceAll('\0', '.');
    return [{ method: 'GET', path: `/${path}`, place: placeOf(source, loader.node), handlers: [loader] }];
  }
  const exported = pages ? findBelow(source.program, (node) => (node.type === 'ExportDefaultDeclaration' ? node : null)) : null;
  if (!pages || !exported) return [];
  const handlers = functionsOf(exported.declaration, source, project);
  return [{ method: 'ALL', path: `/${pages}`, place: placeOf(source, exported), handlers }];
}
