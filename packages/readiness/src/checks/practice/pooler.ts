import { finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { isForDevelopment, placeText } from '../cloud/services.ts';
import { pagesAbout } from '../docs/pages.ts';

const IMAGE = /(pgbouncer|pgcat|odyssey|supavisor)/;
/** Since 1.21 PgBouncer keeps named statements apart in transaction mode. */
const NAMED_STATEMENTS_SINCE = [1, 21];

type PoolerFile = { path: string; settings: Map<string, { value: string; line: number }> };

export const pooler: Check = {
  id: 'practice.pooler',
  title: 'A way to a connection pooler, ready for growth',
  category: 'Best practices',
  severity: 'low',
  why: 'When instances times pool no longer fit into max_connections, a pooler is the way on; set up in a hurry, it breaks named statements, session settings and timeouts.',
  link: 'https://www.pgbouncer.org/config.html',
  looksFor:
    'a configuration of PgBouncer or another pooler, or a page about it; pool_mode, its version against named statements, startup parameters that it refuses, `pgbouncer=true` and `directUrl` of Prisma 5 and 6 with its own engine',
  remedy:
    'PgBouncer 1.21 or later, pool_mode = transaction, max_prepared_statements above 0; timeouts by ALTER ROLE and not as startup parameters; migrations and LISTEN connect directly. Not needed as long as the connection budget holds.',
  example: {
    language: 'ini',
    before: '[pgbouncer]\npool_mode = session',
    after: '[pgbouncer]\npool_mode = transaction\nmax_prepared_statements = 200\nignore_startup_parameters = extra_float_digits',
  },
  effort: '1 day',
  static: (project) => {
    if (project.services.length === 0) return notApplicable('no service that uses Prisma or pg was found');
    const files = poolerFiles(project);
    const images = project.deployments.deployments.filter(
      ({ image, place }) => IMAGE.test(image?.value ?? '') && !isForDevelopment(place.file),
    );
    const urls = pooledUrls(project);
    const pages = pagesAbout(project, /./).flatMap(({ sections }) =>
      sections.filter(
        ({ heading, text, hasSteps }) =>
          IMAGE.test(heading.toLowerCase()) || (hasSteps && /pgbouncer/i.test(text) && /pool_mode|transaction (mode|pooling)/i.test(text)),
      ),
    );
    const old = images.filter(({ image }) => isOld(image?.value ?? ''));
    const findings = [
      ...files.flatMap((file) => settingFindings(project, file)),
      ...old.map(({ image }) =>
        finding('fail', `${image?.value} mixes up named statements of its clients: 1.21 is the first that does not`, image?.place),
      ),
      ...urlFindings(project, urls, old.length > 0 || files.some(({ settings }) => settings.get('max_prepared_statements')?.value === '0')),
    ];
    const evidence = [
      ...files.map(({ path }) => `configured in ${path}`),
      ...images.map(({ name, place }) => `${name} is deployed (${placeText(place)})`),
      ...urls.map(({ key, place }) => `${key} goes through a pooler (${placeText(place)})`),
      ...pages.slice(0, 1).map(({ place }) => `described in ${placeText(place)}`),
    ];
    if (evidence.length === 0)
      findings.push(finding('warn', 'no connection pooler, and no written way to one; not needed while the connection budget holds'));
    return judged(findings, evidence);
  },
};

function poolerFiles(project: Project): PoolerFile[] {
  return project.files.paths
    .filter(
      (path) =>
        /(^|\/)pgbouncer[\w.-]*\.ini(\.\w+)?$/.test(path) && !isForDevelopment(path) && !['test', 'example'].includes(project.kindOf(path)),
    )
    .map((path) => {
      const settings: PoolerFile['settings'] = new Map();
      for (const [index, line] of (project.files.read(path) ?? '').split('\n').entries()) {
        const [, key, value] = /^\s*([a-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
        if (key && value !== undefined) settings.set(key, { value, line: index + 1 });
      }
      return { path, settings };
    });
}

function settingFindings(project: Project, { path, settings }: PoolerFile): Finding[] {
  const at = (key: string) => settings.get(key);
  const place = (key: string) => ({ file: path, line: at(key)?.line ?? 1 });
  const mode = at('pool_mode')?.value ?? 'session';
  const findings: Finding[] = [];
  if (mode === 'statement') findings.push(finding('fail', 'pool_mode = statement forbids transactions', place('pool_mode')));
  if (mode === 'session')
    findings.push(finding('warn', 'pool_mode = session keeps a server connection for each client: nothing is shared', place('pool_mode')));
  if (mode === 'transaction' && at('max_prepared_statements')?.value === '0' && namesStatements(project))
    findings.push(
      finding(
        'fail',
        'max_prepared_statements = 0, and the service names its statements: they fail with 42P05 and 26000',
        place('max_prepared_statements'),
      ),
    );
  const ignored = (at('ignore_startup_parameters')?.value ?? '').split(/\s*,\s*/);
  for (const parameter of startupParameters(project))
    if (!ignored.includes(parameter))
      findings.push(
        finding(
          'warn',
          `the service sends ${parameter} when it connects, which PgBouncer refuses: set it with ALTER ROLE`,
          place('ignore_startup_parameters'),
        ),
      );
  return findings;
}

type PooledUrl = { key: string; value: string; place: Finding['place'] & object };

/** Connection strings that say so, or whose host or port is known for it. */
function pooledUrls(project: Project): PooledUrl[] {
  return project.envFiles
    .flatMap(({ entries }) => entries)
    .filter(
      ({ isComment, value }) =>
        !isComment && value.startsWith('postgres') && /pgbouncer|-pooler\.|pooler\.supabase|:6543\b|:6432\b/.test(value),
    );
}

/** Prisma's own engine must be told of an old pooler, and migrates over a direct connection. */
function urlFindings(project: Project, urls: PooledUrl[], isOldPooler: boolean): Finding[] {
  if (!project.prisma || project.prisma.hasAdapter || urls.length === 0) return [];
  const hasDirect = project.schemas.some(({ blocks }) => blocks.some(({ settings }) => settings.has('directUrl')));
  const [first] = urls;
  const untold = isOldPooler ? urls.filter(({ value }) => !/[?&]pgbouncer=true/.test(value)) : [];
  return [
    ...untold.map(({ key, place }) =>
      finding('fail', `${key} goes through a pooler without \`pgbouncer=true\`: prepared statements collide`, place),
    ),
    ...(hasDirect ? [] : [finding('warn', 'the schema has no directUrl: `prisma migrate` cannot work through a pooler', first?.place)]),
  ];
}

function isOld(image: string): boolean {
  const [, major, minor] = /pgbouncer[^:]*:v?(\d+)\.(\d+)/.exec(image) ?? [];
  const [since = 0, sinceMinor = 0] = NAMED_STATEMENTS_SINCE;
  return major !== undefined && (Number(major) < since || (Number(major) === since && Number(minor) < sinceMinor));
}

/** Prisma's own engine names them always; an adapter when it is given a generator of names. */
function namesStatements(project: Project): boolean {
  if (project.prisma && !project.prisma.hasAdapter) return true;
  return project.sourcesWith('statementNameGenerator').length > 0;
}

/** Session settings that node-postgres sends as it connects. */
function startupParameters(project: Project): string[] {
  const known = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];
  return known.filter((parameter) =>
    project.sourcesWith(`${parameter}:`).some(({ imports }) => [...imports.values()].some(({ module }) => module === 'pg')),
  );
}
