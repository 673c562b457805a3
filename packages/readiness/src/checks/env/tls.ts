import { couldNotCheck, finding, judged, type Check, type Finding, type Judgement, type Place } from '../../check.ts';
import type { LiveDatabase } from '../../live/database.ts';
import type { Service } from '../../project/packages.ts';
import type { Project } from '../../project/project.ts';
import { nameOf, placeOf, visit } from '../../project/source.ts';
import { optionOf, worthOf, type Argument } from '../pool/options.ts';
import { allOf, eachService } from '../pool/services.ts';
import { said, usesEngine } from '../pool/settings.ts';
import { clientSites, sourcesOf, type Site } from '../pool/sites.ts';
import { judgeUrl, type Driver, type Seen } from './tls-modes.ts';
import { productionUrls, readEntries } from './urls.ts';

export const tls: Check = {
  id: 'env.tls',
  title: 'The database is reached by a socket, a connector, or TLS that verifies the server',
  category: 'Environment',
  severity: 'high',
  why: 'TLS that does not verify the server encrypts for whoever answers. What a mode of the URL means depends on the driver: sslmode=require verifies nothing with Prisma up to 6, and everything with pg 8.',
  link: 'https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION',
  looksFor:
    'the form of the production URL, its sslmode as the driver in use reads it, the `ssl` of the pool, and NODE_TLS_REJECT_UNAUTHORIZED; sockets, connectors and loopback need no TLS',
  remedy: (project) =>
    project.prisma && !project.prisma.hasAdapter
      ? 'Use the socket or the connector of the provider, or sslmode=require&sslaccept=strict&sslcert=/path/of/the/ca.pem: the engine takes the authority from sslcert.'
      : 'Use the socket or the connector of the provider, or `ssl: { ca }` in the settings of the pool and no sslmode in the URL, which would win over it.',
  example: {
    language: 'ts',
    before: 'new Pool({ connectionString, ssl: { rejectUnauthorized: false } })',
    after: "new Pool({ connectionString, ssl: { ca: readFileSync('/run/secrets/database-ca.pem', 'utf8') } })",
  },
  effort: '2 hours',
  static: (project) => allOf([eachService(project, (service) => judge(project, service)), unverified(project)]),
  database: connections,
};

function judge(project: Project, service: Service): Judgement {
  const sites = clientSites(project, service);
  const pool = sites.find(({ what, role }) => what === 'pool' && role === 'main');
  const isEngine = !pool && sites.some((site) => site.what === 'client' && usesEngine(project, site));
  const connector = sourcesOf(project, service, '@google-cloud/cloud-sql-connector')[0];
  if (connector) return judged([], [`the connector verifies both sides (${connector.path})`]);
  const driver: Driver = isEngine ? 'engine' : Number(/\d+/.exec(project.pg ?? '8')?.[0]) >= 9 ? 'pg9' : 'pg8';
  const ssl = pool ? inCode(project, service, pool) : null;
  const urls = productionUrls(project).filter(
    ({ from, hostKind }) => from !== 'template' || (hostKind !== 'loopback' && hostKind !== 'container' && hostKind !== 'unknown'),
  );
  const seen = urls.map((url) => ({ url, ...judgeUrl(url, driver) }));
  if (seen.length === 0) return ssl ? sayOf(ssl) : couldNotCheck(`no file says how ${service.name} reaches its database in production`);
  return allOf(
    seen.map(({ url, grade, says, isSilent }) => {
      // Without a mode in the URL, the pool's own setting holds; with one, the URL wins over it.
      if (isSilent && ssl) return sayOf(ssl);
      const text = `${url.key}: ${says}`;
      return grade ? judged([finding(grade, text, url.place)]) : judged([], [`${text} (${said(url.place)})`]);
    }),
  );
}

type InCode = Seen & { place: Place; isHidden?: boolean };

/** The `ssl` of the pool; null where it has none. */
function inCode(project: Project, service: Service, { settings }: Site): InCode | null {
  const found = optionOf(settings, 'ssl', project.resolve);
  if (found === 'absent' || found === 'unknown') return null;
  const place = placeOf(found.source, found.node);
  const { value, object = found } = worthOf(found, project.resolve);
  if (value === true) return { grade: null, says: 'ssl: true verifies the server by the authorities of Node', place };
  if (value === false) return { grade: null, says: '', place, isSilent: true };
  const inside = optionOf(object, 'rejectUnauthorized', project.resolve);
  if (typeof inside === 'object') return rejecting(project, inside, placeOf(inside.source, inside.node));
  if (inside === 'absent' && object.node.type === 'ObjectExpression') return { grade: null, says: 'ssl verifies the server', place };
  // Handed through as a setting: what the service builds for it elsewhere.
  const built = builtElsewhere(project, service);
  const loose = built.find(({ isStrict }) => !isStrict);
  if (loose) return { grade: 'warn', says: 'rejectUnauthorized is off: encrypted, but whoever answers is believed', place: loose.place };
  const strict = built.map((one) => said(one.place)).join(', ');
  return strict
    ? { grade: null, says: `ssl is a setting that is always built with rejectUnauthorized: true (${strict})`, place }
    : { grade: null, says: `what ssl is at ${said(place)} cannot be seen`, place, isHidden: true };
}

function rejecting(project: Project, option: Argument, place: Place): InCode {
  const { value } = worthOf(option, project.resolve);
  if (value === false) return { grade: 'warn', says: 'rejectUnauthorized is off: encrypted, but whoever answers is believed', place };
  if (value === true) return { grade: null, says: 'rejectUnauthorized is on', place };
  return { grade: null, says: `what rejectUnauthorized is at ${said(place)} cannot be seen`, place, isHidden: true };
}

function builtElsewhere(project: Project, service: Service): { place: Place; isStrict: boolean }[] {
  return sourcesOf(project, service, 'rejectUnauthorized').flatMap((source) => {
    const found: { place: Place; isStrict: boolean }[] = [];
    visit(source, {
      Property({ key, value }) {
        if (nameOf(key) === 'rejectUnauthorized' && value.type === 'Literal')
          found.push({ place: placeOf(source, value), isStrict: value.value === true });
      },
    });
    return found;
  });
}

function sayOf({ grade, says, place, isHidden, isSilent }: InCode): Judgement {
  if (isHidden) return couldNotCheck(says);
  if (isSilent) return couldNotCheck(`ssl is off at ${said(place)}, and no file says which way production takes`);
  return grade ? judged([finding(grade, says, place)]) : judged([], [`${says} (${said(place)})`]);
}

/** One variable that turns verification off for everything in the process. */
function unverified({ envFiles, deployments: { deployments } }: Project): Judgement {
  const inFiles = envFiles
    .filter(({ path }) => !/dev|local|test/i.test(path))
    .flatMap((file) => readEntries(file).map(({ key, value, place }) => ({ name: key, value, place })));
  const deployed = deployments.flatMap(({ env }) => env.map(({ name, value, place }) => ({ name, value, place })));
  const findings = [...inFiles, ...deployed].flatMap(({ name, value, place }): Finding[] =>
    name === 'NODE_TLS_REJECT_UNAUTHORIZED' && value === '0'
      ? [finding('fail', 'NODE_TLS_REJECT_UNAUTHORIZED=0 lets every TLS connection of the process believe whoever answers', place)]
      : [],
  );
  return judged(findings);
}

type Connection = { address: string | null; ssl: boolean; version: string | null; others: number };

async function connections(database: LiveDatabase): Promise<Judgement> {
  const [own] = await database.query<Connection>(`
    SELECT host(inet_client_addr()) AS address, ssl, version,
      (SELECT count(*)::int FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
       WHERE a.usename = current_user AND a.datname = current_database() AND a.client_addr IS NOT NULL AND NOT s.ssl
         AND NOT a.client_addr <<= '127.0.0.0/8' AND a.client_addr <> '::1') AS others
    FROM pg_stat_ssl WHERE pid = pg_backend_pid()`);
  if (!own) return couldNotCheck('the server does not say how this connection came in');
  if (own.others > 0) return judged([finding('fail', `${own.others} connections of this user came over the network without TLS`)]);
  if (own.address === null) return judged([], ['this connection came through a socket']);
  if (own.ssl)
    return {
      ...couldNotCheck('whether the client verifies the server, only its settings tell'),
      evidence: [`this connection uses ${own.version}`],
    };
  return /^(127\.|::1)/.test(own.address)
    ? couldNotCheck('this connection came over loopback, which is no road of production')
    : judged([finding('fail', 'this connection came over the network without TLS')]);
}
