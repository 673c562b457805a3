import { couldNotCheck, finding, judged, notApplicable, type Check, type Finding, type Judgement, type Place } from '../../check.ts';
import type { Deployment } from '../../project/deployment.ts';
import type { Project } from '../../project/project.ts';
import { deployedWhole } from '../pool/deployed.ts';
import { said } from '../pool/settings.ts';
import { databaseUrls, hiddenUrls, productionUrls, type DatabaseUrl } from './urls.ts';

export const socket: Check = {
  id: 'env.socket',
  title: 'Cloud Run reaches Cloud SQL by socket, connector or private address',
  category: 'Environment',
  severity: 'high',
  why: 'A public address of the database is open to everybody whom its list of networks lets in, and Cloud Run has no fixed address to list. A socket that is not mounted is found out at the first request.',
  link: 'https://cloud.google.com/sql/docs/postgres/connect-run',
  looksFor:
    'that the URL of production and the flags of the deployment agree: /cloudsql/... with the instance mounted, the connector in the code, or a private address with VPC egress',
  remedy:
    'Mount the instance (--add-cloudsql-instances PROJECT:REGION:INSTANCE) and use ?host=/cloudsql/PROJECT:REGION:INSTANCE, or use the connector with ipType PRIVATE.',
  example: {
    language: 'env',
    before: 'DATABASE_URL=postgresql://USER:PASSWORD@PUBLIC-ADDRESS:5432/DATABASE?sslmode=require',
    after: 'DATABASE_URL=postgresql://USER:PASSWORD@/DATABASE?host=/cloudsql/PROJECT:REGION:INSTANCE',
  },
  effort: '30 minutes',
  static: judge,
};

function judge(project: Project): Judgement {
  const runs = [...deployedWhole(project, 'service'), ...deployedWhole(project, 'worker')].filter(
    ({ platform }) => platform === 'cloud-run',
  );
  const connector = project.sourcesWith('@google-cloud/cloud-sql-connector')[0];
  const clue = cloudSqlClue(project);
  if (runs.length === 0 && !clue) return notApplicable('it is not deployed to Cloud Run with Cloud SQL');
  const urls = productionUrls(project);
  if (runs.length === 0) return byUrls(urls, clue);
  if (connector) return judged([], [`the connector is used (${connector.path})`]);
  if (!clue && runs.every(({ sqlInstances }) => !sqlInstances) && urls.every(({ from }) => from === 'template'))
    return couldNotCheck('nothing says whether the database is Cloud SQL');
  const findings = runs.flatMap((run) => byDeployment(run, urls, clue));
  if (findings.length > 0) return judged(findings);
  const agreeing = urls.find(({ hostKind }) => hostKind === 'socket' || hostKind === 'private');
  const mounted = runs.map(
    ({ name, sqlInstances, vpc }) =>
      `${name}: ${sqlInstances ? `${sqlInstances.value.join(', ')} mounted` : `egress through ${vpc?.value}`}`,
  );
  if (agreeing) return judged([], [...mounted, `the URL agrees (${said(agreeing.place)})`]);
  const [hidden] = hiddenUrls(project);
  const written = runs.every(({ sqlInstances }) => sqlInstances) ? writtenForm(project) : null;
  if (hidden && written)
    return judged([], [...mounted, `the URL is in a secret, and its form is written down as a socket (${said(written)})`]);
  return {
    ...couldNotCheck(hidden ? `${hidden.name} comes from a secret, so its form cannot be seen` : 'no file says the form of the URL'),
    evidence: mounted,
  };
}

/** What goes into the secret, as templates and scripts tell whoever makes it. */
function writtenForm({ files, envFiles, find, kindOf }: Project): Place | null {
  const told = [
    ...envFiles.map(({ path }) => path),
    ...files.paths.filter((path) => /\.(ya?ml|sh|tf)$/.test(path) && kindOf(path) !== 'test'),
  ];
  const path = told.find((one) => files.read(one)?.includes('host=/cloudsql/'));
  return path === undefined ? null : find(path, 'host=/cloudsql/');
}

/** Where no deployment is described: at least the URLs say what production takes. */
function byUrls(urls: DatabaseUrl[], clue: Place | null): Judgement {
  const real = urls.filter(({ hostKind }) => hostKind === 'public' || hostKind === 'socket');
  if (real.length === 0) return couldNotCheck('no file says which URL production uses');
  const findings = real.filter(({ hostKind }) => hostKind === 'public').map((url) => overPublic(url, clue));
  return judged(findings, [`a socket of Cloud SQL (${real[0] ? said(real[0].place) : ''})`]);
}

function byDeployment({ name, sqlInstances, vpc, place }: Deployment, urls: DatabaseUrl[], clue: Place | null): Finding[] {
  const inSocket = urls.filter(({ hostKind }) => hostKind === 'socket');
  const isPublic = urls.filter(({ hostKind, from }) => hostKind === 'public' && from !== 'template');
  if (isPublic.length > 0) return isPublic.map((url) => overPublic(url, clue));
  if (sqlInstances) {
    const wanted = inSocket.flatMap(({ host }) => /\/cloudsql\/([\w.-]+:[\w-]+:[\w-]+)/.exec(host)?.[1] ?? []);
    const missing = wanted.find(
      (one) => !sqlInstances.value.includes(one) && !/PROJECT|YOUR|\$/i.test(`${one} ${sqlInstances.value.join(' ')}`),
    );
    return missing ? [finding('fail', `the URL goes to ${missing}, which ${name} does not mount`, sqlInstances.place)] : [];
  }
  if (inSocket.length > 0) return [finding('fail', `the URL is a socket, and ${name} mounts no Cloud SQL instance`, place)];
  return vpc
    ? []
    : [finding('fail', `${name} has no road to Cloud SQL: no mounted instance, no connector, no egress into a private network`, place)];
}

function overPublic({ key, place }: DatabaseUrl, clue: Place | null): Finding {
  const aside = clue ? `; the socket is only mentioned (${said(clue)})` : '';
  return finding('fail', `${key} goes to a public address and not through the socket of Cloud SQL${aside}`, place);
}

/** Where the project shows that its server is Cloud SQL: a socket in an environment file, commented or not, or a flag. */
function cloudSqlClue(project: Project): Place | null {
  const url = databaseUrls(project).find(({ host }) => host.includes('cloudsql'));
  if (url) return url.place;
  const [mounted] = project.deployments.deployments.flatMap(({ sqlInstances }) => sqlInstances ?? []);
  if (mounted) return mounted.place;
  const path = project.files.paths.find(
    (one) =>
      /\.(ya?ml|sh|tf)$/.test(one) &&
      !['test', 'example', 'document'].includes(project.kindOf(one)) &&
      /gcloud sql |google_sql_database_instance|cloudsql/i.test(project.files.read(one) ?? ''),
  );
  return path ? (project.find(path, 'cloudsql') ?? project.find(path, 'gcloud sql') ?? { file: path, line: 1 }) : null;
}
