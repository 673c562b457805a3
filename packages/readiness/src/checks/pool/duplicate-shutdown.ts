import { finding, judged, notApplicable, type Check, type Finding, type Judgement } from '../../check.ts';
import { fixShutdown } from '../../fix/pool.shutdown.ts';
import { isImported, reaches } from '../../project/origins.ts';
import type { Service } from '../../project/packages.ts';
import type { Project } from '../../project/project.ts';
import { placeOf, visitBelow, type Node } from '../../project/source.ts';
import { endingOf } from './reach.ts';
import { eachService } from './services.ts';
import { said } from './settings.ts';
import { signalHandlers, type Handler } from './signals.ts';

export const duplicateShutdown: Check = {
  id: 'pool.duplicate-shutdown',
  title: 'One handler ends the process',
  category: 'Connection pool',
  severity: 'medium',
  why: 'Node runs every handler of a signal at once. Whichever exits first cuts off what the others still close.',
  link: 'https://nodejs.org/api/process.html#signal-events',
  looksFor:
    'several handlers of one signal in one process, process.exit beside a close that nobody waits for, and TODO in a handler; a loop or one function for several signals is one handler, and entries of different processes have their own',
  remedy: 'Keep one handler, where the process is put together, and let it call what the others did, in order and awaited.',
  example: {
    language: 'ts',
    before: "process.on('SIGTERM', () => {\n  // TODO: close the database\n  process.exit(0);\n});",
    after: "process.once('SIGTERM', () => void lifecycle.stop().then(() => process.exit(0)));",
  },
  effort: '30 minutes',
  static: (project) =>
    eachService(project, (service): Judgement => {
      const handlers = signalHandlers(project, service);
      if (handlers.length === 0) return notApplicable(`nobody handles a signal in ${service.name}`);
      const findings = [...doubled(project, service, handlers), ...handlers.flatMap(unfinished)];
      const unique = [...new Map(findings.map((one) => [`${one.place?.file}:${one.place?.line}:${one.message}`, one])).values()];
      return judged(unique, unique.length > 0 ? [] : handlers.map(({ signals, place }) => `${signals.join(' and ')} at ${said(place)}`));
    }),
  fix: fixShutdown,
};

function doubled(project: Project, service: Service, handlers: Handler[]): Finding[] {
  const found = new Map<Handler, { first: Handler; signals: string[] }>();
  for (const signal of ['SIGTERM', 'SIGINT']) {
    const sorted = handlers.filter(({ signals }) => signals.includes(signal)).toSorted((a, b) => worth(b) - worth(a));
    for (const [index, handler] of sorted.entries()) {
      const first = sorted.slice(0, index).find((one) => share(project, one.source.path, handler.source.path));
      if (first)
        found.set(handler, { first: found.get(handler)?.first ?? first, signals: [...(found.get(handler)?.signals ?? []), signal] });
    }
  }
  return [...found].map(([handler, { first, signals }]) => {
    const races = [handler, first].some(({ reach, by }) => by === 'NestJS' || reach.calls.some(({ kind }) => kind === 'exit'));
    const message = `a second handler for ${signals.join(' and ')} in ${service.name}; the first is at ${said(first.place)}`;
    return finding(
      races ? 'fail' : 'warn',
      races ? `${message}, and whichever exits first cuts off the other` : message,
      handler.place,
      handler.excerpt,
    );
  });
}

/** Whether two files can be in one process. Entries that do not import each other begin processes of their own. */
function share(project: Project, one: string, other: string): boolean {
  if (one === other) return true;
  const ways = new Set([reaches(project, one, other), reaches(project, other, one)]);
  if (ways.has(true)) return true;
  const imported = [one, other].filter((path) => isImported(project, path)).length;
  return imported === 2 || (imported === 1 && ways.has(null));
}

/** The one that does most is the one to keep. */
function worth({ drains, reach }: Handler): number {
  const kinds = new Set(reach.calls.map(({ kind }) => kind));
  return (drains ? 4 : 0) + (kinds.has('other') ? 2 : 0) + (kinds.has('pool') ? 1 : 0);
}

function unfinished({ reach }: Handler): Finding[] {
  return reach.bodies.flatMap(({ node, source }) => {
    const todos = source.comments
      .filter(({ start, end, value }) => start >= node.start && end <= node.end && /\b(TODO|FIXME|XXX)\b/.test(value))
      .map((comment) => finding('warn', 'the handler is not finished: it holds a TODO', placeOf(source, comment), comment.value.trim()));
    const cut: Finding[] = [];
    visitBelow(node, {
      BlockStatement({ body }) {
        for (const [index, statement] of body.entries()) {
          const isExit = callIn(statement)?.ending === 'exit';
          const open = isExit ? body.slice(0, index).find((one) => isLeftOpen(one)) : undefined;
          if (open) cut.push(finding('warn', 'the process exits beside a close that nobody waits for', placeOf(source, open)));
        }
      },
    });
    return [...todos, ...cut];
  });
}

/** A statement that starts to close something and goes on. */
function isLeftOpen(statement: Node): boolean {
  const ending = callIn(statement)?.ending;
  return ending === 'pool' || ending === 'drain';
}

function callIn(statement: Node): { ending: string | null } | null {
  if (statement.type !== 'ExpressionStatement') return null;
  const { expression } = statement;
  const call = expression.type === 'UnaryExpression' && expression.operator === 'void' ? expression.argument : expression;
  return call.type === 'CallExpression' ? { ending: endingOf(call) } : null;
}
