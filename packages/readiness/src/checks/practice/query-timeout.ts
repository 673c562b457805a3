import { couldNotCheck, finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { excerptOf, nameOf, placeOf } from '../../project/source.ts';
import { propertyValue, valueOf } from '../../project/values.ts';
import { walk } from '../../project/walk.ts';
import { prismaClients } from '../log/clients.ts';
import { LADDER, laddersOf, millisOf, type Ladder, type Step } from './timeouts.ts';
import { databaseUrls } from './urls.ts';

export const queryTimeout: Check = {
  id: 'practice.query-timeout',
  title: 'The server ends what takes too long',
  category: 'Best practices',
  severity: 'medium',
  why: "Without `statement_timeout` one bad query holds its connection for ever. pg's own `query_timeout` is worse than none: it gives the connection back while the statement and its transaction go on, so the next request writes into a transaction that is rolled back later. Its write is lost.",
  link: 'https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-STATEMENT-TIMEOUT',
  looksFor:
    '`statement_timeout`, `lock_timeout`, `idle_in_transaction_session_timeout` and `transaction_timeout` in the configuration of the pool, in startup options, URLs, `ALTER ROLE` and server flags; that each is below the next, and the statement below the transaction of Prisma; `query_timeout` of pg anywhere; live: the same with SHOW',
  remedy:
    "Set them for the role of the service: `ALTER ROLE app SET lock_timeout = '2s'`, idle in transaction 5 s, statement 8 s, transaction 12 s (PostgreSQL 17), each below the next and all below the timeout of a request. Never set `query_timeout`.",
  example: {
    language: 'sql',
    before: '-- nothing: a statement may run for ever',
    after:
      "ALTER ROLE app SET lock_timeout = '2s';\nALTER ROLE app SET idle_in_transaction_session_timeout = '5s';\nALTER ROLE app SET statement_timeout = '8s';\nALTER ROLE app SET transaction_timeout = '12s';",
  },
  effort: '30 minutes',
  static: (project) => {
    if (!project.prisma && !project.pg) return notApplicable('the project uses neither Prisma nor pg');
    const ladders = laddersOf(project);
    const main = mainOf(ladders);
    const dangerous = clientSide(project);
    if (!main) {
      const elsewhere = ladders.map(({ place }) => `${place.file}:${place.line}`);
      const message = `statement_timeout is set nowhere${elsewhere.length > 0 ? ` (other timeouts in ${elsewhere[0]})` : ''}: a statement may run for ever`;
      return judged([...dangerous, finding('warn', message)]);
    }
    const findings = [
      ...dangerous,
      ...disorder(main.millis).map((message) => finding('warn', message, main.place)),
      ...outlasting(main, project),
    ];
    return judged(findings, [`${main.place.file}:${main.place.line} (${main.by}): ${saidOf(main.millis)}`]);
  },
  database: async ({ query }, project) => {
    const [version] = await query<{ version: number }>(`SELECT current_setting('server_version_num')::int AS version`);
    const steps = LADDER.filter((step) => step !== 'transaction_timeout' || (version?.version ?? 0) >= 170_000);
    // What the session began with: the audit limits its own statements.
    const rows = await query<{ name: Step; setting: string }>('SELECT name, reset_val AS setting FROM pg_settings WHERE name = ANY($1)', [
      steps,
    ]);
    if (rows.length === 0) return couldNotCheck('pg_settings shows none of the timeouts');
    const shown = new Map(rows.map(({ name, setting }): [Step, number] => [name, Number(setting)]));
    // What the pool sends when it connects is not seen over another connection.
    const sent = mainOf(laddersOf(project))?.millis ?? new Map<Step, number | null>();
    const unset = steps.filter((step) => shown.get(step) === 0 && !sent.has(step));
    const findings = [
      ...unset.map((step) => finding('warn', `${step} is 0 on a fresh connection: ${MEANINGS[step]}`)),
      ...disorder(new Map([...shown].filter(([, millis]) => millis > 0))).map((message) => finding('warn', message)),
    ];
    return judged(findings, [`a fresh connection has ${saidOf(shown)}`]);
  },
};

const MEANINGS: Record<Step, string> = {
  lock_timeout: 'who waits for a lock waits as long as the other holds it',
  idle_in_transaction_session_timeout: 'a transaction that is left open holds its locks for ever',
  statement_timeout: 'a statement may run for ever',
  transaction_timeout: 'a transaction of many short statements may go on for ever',
};

/** The one that says most, and has the statement's limit at all. */
function mainOf(ladders: Ladder[]): Ladder | null {
  const fit = ladders.filter(({ millis }) => millis.has('statement_timeout') && millis.get('statement_timeout') !== 0);
  return fit.toSorted((a, b) => b.millis.size - a.millis.size)[0] ?? null;
}

function saidOf(millis: Map<Step, number | null>): string {
  return LADDER.flatMap((step) => {
    const set = millis.get(step);
    return set === undefined ? [] : [`${step} ${set === null ? 'set' : set === 0 ? 'off' : `${set} ms`}`];
  }).join(', ');
}

function disorder(millis: Map<Step, number | null>): string[] {
  const known = LADDER.flatMap((step): [Step, number][] => {
    const set = millis.get(step);
    return typeof set === 'number' && set > 0 ? [[step, set]] : [];
  });
  return known.flatMap(([step, set], index) => {
    const next = known[index + 1];
    return next && set >= next[1] ? [`${step} (${set} ms) is not below ${next[0]} (${next[1]} ms), so it never comes first`] : [];
  });
}

/** A transaction of Prisma that gives up before its statement leaves it running on the server. */
function outlasting({ millis, place }: Ladder, project: Project): Finding[] {
  const statement = millis.get('statement_timeout');
  if (typeof statement !== 'number') return [];
  return prismaClients(project).flatMap(({ options, source }) => {
    const stated = options ? propertyValue(options, 'transactionOptions', source, project.resolve)?.object : null;
    const timeout = stated ? propertyValue(stated.node, 'timeout', stated.source, project.resolve)?.value : null;
    return typeof timeout === 'number' && statement >= timeout
      ? [
          finding(
            'warn',
            `statement_timeout (${statement} ms) is not below the timeout of Prisma's transactions (${timeout} ms), which does not end a statement`,
            place,
          ),
        ]
      : [];
  });
}

const LOST =
  'critical: query_timeout of pg gives a connection back inside its transaction; what the next request writes on it is lost. Take statement_timeout';

function clientSide(project: Project): Finding[] {
  const inCode = project.sourcesWith('query_timeout').flatMap((source) => {
    const findings: Finding[] = [];
    walk(source.program, (node) => {
      if (node.type !== 'Property' || node.computed || nameOf(node.key) !== 'query_timeout') return;
      const { value } = valueOf(node.value, source, project.resolve);
      if (value === 0 || value === null || value === false) return;
      findings.push(finding('fail', LOST, placeOf(source, node), excerptOf(source, node)));
    });
    return findings;
  });
  if (!project.prisma?.hasAdapter && project.prisma) return inCode;
  const inUrls = databaseUrls(project).filter(({ parameters }) => (millisOf(parameters.get('query_timeout') ?? '') ?? 0) > 0);
  return [...inCode, ...inUrls.map(({ place }) => finding('fail', LOST, place))];
}
