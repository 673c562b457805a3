import { couldNotCheck, finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import { functionsOf } from '../../project/functions.ts';
import { versionOf } from '../../project/packages.ts';
import type { Project } from '../../project/project.ts';
import { calledName, excerptOf, placeOf, propertyOf, textOf, type Node, type Source } from '../../project/source.ts';
import { mayHold, propertyValue } from '../../project/values.ts';
import { bare, findBelow, walk } from '../../project/walk.ts';
import { prismaClients } from '../log/clients.ts';
import { databaseUrls } from './urls.ts';

export const statements: Check = {
  id: 'practice.statements',
  title: 'Prepared statements are on, and bounded',
  category: 'Best practices',
  severity: 'low',
  why: "A statement that is named once is parsed and planned once for each connection; unnamed, the server pays for it every time (1.2 to 3 times its CPU). Prisma's own engine names up to 100; a driver adapter names nothing by itself. A parameter that nobody reads changes nothing.",
  link: 'https://github.com/prisma/orm/pull/29395',
  looksFor:
    'with a driver adapter (7.6 or newer): `statementNameGenerator` of PrismaPg, with a limit; with the engine: `statement_cache_size` of the URL, whose default of 100 is on already; in every version, parameters of database URLs that no driver knows',
  remedy: (project) =>
    project.prisma?.hasAdapter
      ? 'Give PrismaPg a `statementNameGenerator` that names up to a few hundred distinct texts, and none for transaction control or for long parameter lists.'
      : 'Nothing has to be switched on. Write `statement_cache_size` into the URL where another value than 100 is wanted (0 behind PgBouncer before 1.21), and remove parameters that nobody reads.',
  example: (project) =>
    project.prisma?.hasAdapter
      ? {
          language: 'ts',
          before: 'new PrismaPg(pool)',
          after:
            "const names = new Map<string, string>();\nconst nameOf = ({ sql }: { sql: string }) => {\n  if (names.size >= 500 && !names.has(sql)) return undefined;\n  names.set(sql, createHash('sha256').update(sql).digest('base64url').slice(0, 24));\n  return names.get(sql);\n};\nnew PrismaPg(pool, { statementNameGenerator: nameOf })",
        }
      : {
          language: 'env',
          before: 'DATABASE_URL=postgresql://...?connection_limit=10&prepared_statement_cache_size=100',
          after: 'DATABASE_URL=postgresql://...?connection_limit=10&statement_cache_size=100',
        },
  effort: '30 minutes',
  static: (project) => {
    if (!project.prisma) return notApplicable('the project does not use Prisma');
    const unread = unreadParameters(project);
    const own = project.prisma.hasAdapter ? throughAdapter(project) : throughEngine(project);
    const findings = [...unread, ...own.findings];
    if (findings.length === 0 && own.verdict === 'could not check') return own;
    return judged(findings, own.evidence);
  },
};

/** What Prisma's engine, node-postgres and libpq read from a URL. */
const KNOWN = new Set(
  `schema connection_limit pool_timeout connect_timeout socket_timeout sslmode sslcert sslkey sslrootcert sslidentity sslpassword sslaccept sslnegotiation
  ssl sslcrl sslcompression uselibpqcompat host hostaddr port user password dbname database application_name fallback_application_name channel_binding
  options statement_cache_size pgbouncer target_session_attrs load_balance_hosts max_connection_lifetime max_idle_connection_lifetime
  single_use_connections client_encoding encoding replication binary statement_timeout lock_timeout idle_in_transaction_session_timeout query_timeout
  connectionTimeoutMillis idleTimeoutMillis max min keepAlive keepalives keepalives_idle keepalives_interval keepalives_count passfile service
  gssencmode krbsrvname requirepeer tcp_user_timeout search_path timezone TimeZone api_key supa pool_mode workaround endpoint`
    .split(/\s+/)
    .filter(Boolean),
);

function unreadParameters(project: Project): Finding[] {
  return databaseUrls(project).flatMap(({ parameters, place }) =>
    [...parameters.keys()].flatMap((name) => {
      if (!/^\w+$/.test(name) || isReadByProject(name, project)) return [];
      if (!KNOWN.has(name))
        return [finding('fail', `${name} is no parameter that any driver knows: it is thrown away without a word`, place)];
      return name === 'statement_cache_size' && project.prisma?.hasAdapter
        ? [finding('warn', 'statement_cache_size is for the engine of Prisma; a driver adapter ignores it', place)]
        : [];
    }),
  );
}

/** A project that takes its URL apart itself reads what it wants. */
function isReadByProject(name: string, project: Project): boolean {
  return project.sourcesWith(name).some((source) => findBelow(source.program, (node) => (isNamed(node, name) ? node : null)) !== null);
}

function isNamed(node: Node, name: string): boolean {
  return textOf(node) === name || (node.type === 'Property' && node.key.type === 'Identifier' && node.key.name === name);
}

function throughEngine(project: Project) {
  const urls = databaseUrls(project);
  const stated = urls.find(({ parameters }) => parameters.has('statement_cache_size') || parameters.get('pgbouncer') === 'true');
  if (stated) {
    const size = stated.parameters.get('statement_cache_size');
    return judged(
      [],
      [`${stated.place.file}:${stated.place.line}: ${size === undefined ? 'off for PgBouncer' : `statement_cache_size ${size}`}`],
    );
  }
  return judged([], ["the engine's own default of 100 named statements on every connection is on"]);
}

/** The first adapter that takes names for statements. */
const SINCE = [7, 6];

function throughAdapter(project: Project) {
  const version = versionOf(project.files, project.packages, '@prisma/adapter-pg')?.version;
  if (!version) return notApplicable('the adapter is not that of node-postgres');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [sinceMajor = 0, sinceMinor = 0] = SINCE;
  const isTooOld = major < sinceMajor || (major === sinceMajor && minor < sinceMinor);
  const sites = adaptersOf(project);
  if (sites.length === 0) return couldNotCheck('no construction of PrismaPg was found');
  if (isTooOld)
    return judged([
      finding(
        'warn',
        `@prisma/adapter-pg ${version} names no statements; 7.6 takes a statementNameGenerator`,
        sites[0] && placeOf(sites[0].source, sites[0].node),
      ),
    ]);
  const evidence: string[] = [];
  const findings = sites.flatMap(({ node, source, options }) => {
    const place = placeOf(source, node);
    const generator = options && propertyOf(options, 'statementNameGenerator');
    if (!generator) {
      const known = options && propertyValue(options, 'statementNameGenerator', source, project.resolve);
      if (known || (options && mayHold(options, 'statementNameGenerator'))) return [];
      return [
        finding('warn', 'the adapter names no statements: the server parses and plans each one every time', place, excerptOf(source, node)),
      ];
    }
    if (!isBounded(generator, source, project))
      return [
        finding(
          'warn',
          'every distinct text gets a name: each connection keeps as many prepared statements as there are texts',
          place,
          excerptOf(source, generator),
        ),
      ];
    evidence.push(`${place.file}:${place.line}: statements are named, up to a limit`);
    return [];
  });
  return judged(findings, evidence);
}

type Adapter = { node: Node; source: Source; options: Node | null };

/** The adapters that clients are given; where that cannot be followed, all that are made. Others do migrations and the like. */
function adaptersOf(project: Project): Adapter[] {
  const given = prismaClients(project).flatMap(({ options, source }) => {
    const stated = propertyOf(options, 'adapter');
    const init = stated?.type === 'Identifier' ? source.variables.get(stated.name) : stated;
    return init ? adapterIn(bare(init), source) : [];
  });
  if (given.length > 0) return given;
  return project.sourcesWith('PrismaPg').flatMap((source) => {
    const made: Adapter[] = [];
    walk(source.program, (node) => {
      made.push(...adapterIn(node, source));
    });
    return made;
  });
}

function adapterIn(node: Node, source: Source): Adapter[] {
  if (node.type !== 'NewExpression' || calledName(node.callee) !== 'PrismaPg') return [];
  const [, options] = node.arguments;
  return [{ node, source, options: options && options.type !== 'SpreadElement' ? options : null }];
}

/** It decides something somewhere, so it may leave a text without a name. A function from outside is believed. */
function isBounded(generator: Node, source: Source, project: Project): boolean {
  const seen = new Set<Node>();
  let level = functionsOf(bare(generator), source, project);
  if (level.length === 0) return true;
  for (let depth = 0; depth < 3; depth++) {
    const next: typeof level = [];
    for (const fn of level) {
      if (seen.has(fn.node)) continue;
      seen.add(fn.node);
      const decides = findBelow(fn.node, (node) =>
        node.type === 'IfStatement' || node.type === 'ConditionalExpression' || node.type === 'LogicalExpression' ? node : null,
      );
      if (decides) return true;
      walk(fn.node, (node) => {
        if (node.type === 'CallExpression') next.push(...functionsOf(node.callee, fn.source, project));
      });
    }
    level = next;
  }
  return false;
}
