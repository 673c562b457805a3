// Where a service starts its server, in the plain shapes that a fix may build on.
import { packageOf, type Service } from '../project/packages.ts';
import type { Project } from '../project/project.ts';
import { calledName, dottedName, type Node, type Source } from '../project/source.ts';
import { usesOfName } from './edit.ts';

export type Server = {
  source: Source;
  /** The variable that holds it, or shall. */
  name: string;
  /** The statement that starts it without keeping it. */
  unnamed: Node | null;
  /** `framework` has a `close` that drains; a server of Node has to be helped. */
  closing: 'framework' | 'node';
};

/** Null when there is none at the top of a file, or more than one. */
export function serverOf(project: Project, service: Service): Server | null {
  const sources = project.sourcesWith('listen(', 'serve(').filter(({ path }) => {
    const owner = packageOf(project.packages, path);
    return owner !== null && service.packages.includes(owner);
  });
  const found = sources.flatMap((source) => source.program.body.flatMap((one) => started(source, one)));
  return found.length === 1 ? (found[0] ?? null) : null;
}

function started(source: Source, one: Node): Server[] {
  if (one.type === 'VariableDeclaration' || (one.type === 'ExportNamedDeclaration' && one.declaration?.type === 'VariableDeclaration')) {
    const declarations = one.type === 'VariableDeclaration' ? one.declarations : [];
    return declarations.flatMap(({ id, init }) => {
      const closing = init ? closingOf(source, init) : null;
      return id.type === 'Identifier' && closing === 'node' ? [{ source, name: id.name, unnamed: null, closing }] : [];
    });
  }
  if (one.type !== 'ExpressionStatement') return [];
  const call = one.expression.type === 'AwaitExpression' ? one.expression.argument : one.expression;
  const closing = closingOf(source, call);
  if (!closing || call.type !== 'CallExpression') return [];
  const object = call.callee.type === 'MemberExpression' && call.callee.object.type === 'Identifier' ? call.callee.object.name : null;
  // `server.listen()` of a server of Node is kept already; so is a framework that closes itself.
  if (object && (closing === 'framework' || calledName(originOf(source, object)) === 'createServer'))
    return [{ source, name: object, unnamed: null, closing }];
  if (one.expression !== call) return [];
  return [{ source, name: usesOfName(source, 'server').length === 0 ? 'server' : 'httpServer', unnamed: one, closing }];
}

/** What a call starts: `serve(...)` of Hono's adapter, `app.listen(...)` of Express or Fastify, `server.listen(...)`. */
function closingOf(source: Source, call: Node): Server['closing'] | null {
  if (call.type !== 'CallExpression') return null;
  const name = dottedName(call.callee);
  if (source.imports.get(name)?.module === '@hono/node-server') return 'node';
  const [object = '', method, ...rest] = name.split('.');
  if (method !== 'listen' || rest.length > 0) return null;
  const origin = calledName(originOf(source, object));
  const module = source.imports.get(origin)?.module;
  if (module === 'fastify') return 'framework';
  return module === 'express' || origin === 'createServer' ? 'node' : null;
}

/** What is called to make the variable: `express` for `const app = express()`. */
function originOf(source: Source, variable: string): Node {
  const init = source.variables.get(variable);
  return init?.type === 'CallExpression' ? init.callee : { type: 'Identifier', name: '', start: 0, end: 0 };
}
