// Services as all files that deploy them make them together, and how a check judges each.
import { couldNotCheck, finding, judged, notApplicable, type Finding, type Judgement, type Place } from '../../check.ts';
import type { Deployment, Platform, Setting } from '../../project/deployment.ts';
import type { Project } from '../../project/project.ts';

export type DeployedService = {
  name: string;
  platform: Platform;
  place: Place;
  /** Definitions and commands of this one service: what one leaves out another may set. */
  deployments: Deployment[];
  /** Why not everything that is set can be seen. */
  hidden: string | null;
};

/** What a check says of one service. */
export type Look = { findings?: Finding[]; evidence?: string[]; hidden?: string };

const DEVELOPMENT = /(^|[/._-])(dev|devel|development|local|localhost|test|testing|ci|preview|minikube|override|e2e)([/._-]|$)/i;
const STAGING = /(^|[/._-])(staging|stage|qa|uat|sandbox|canary)([/._-]|$)/i;
const PRODUCTION = /(^|[/._-])(prod|production|deploy|deployment|release|selfhosted|self-hosted)([/._-]|$)/i;
const INFRASTRUCTURE =
  /(^|\/)(postgres|postgis|timescale\w*|pgbouncer|pgcat|odyssey|redis|valkey|dragonfly|mysql|mariadb|mongo|rabbitmq|kafka|zookeeper|nats|nginx|traefik|caddy|haproxy|mailhog|mailpit|maildev|minio|grafana|prometheus|loki|tempo|jaeger|otel\w*|opentelemetry-collector|adminer|pgadmin4?|localstack|elasticsearch|opensearch|kibana|clickhouse|memcached|vault|keycloak|busybox|alpine)[^/]*$/;
const DATABASE_VARIABLE = /(^|_)(DATABASE|DB|POSTGRES(QL)?)(_|$)|^PG[A-Z]+$|^DIRECT_URL$|CONNECTION_NAME$/;

/** True for files that only make a developer's, a test's or a trial's surroundings. */
export function isForDevelopment(file: string): boolean {
  return DEVELOPMENT.test(file);
}

/** Databases, proxies and tools of others that run beside the project's own. */
export function isInfrastructure({ image }: Deployment): boolean {
  return INFRASTRUCTURE.test(withoutTag(image?.value ?? ''));
}

/** What runs in production, of every role: the databases and proxies beside it are not the project's own. */
export function productionDeployments(project: Project): Deployment[] {
  const own = project.deployments.deployments.filter(
    (one) => !isForDevelopment(one.place.file) && !isInfrastructure(one) && isProduction(one),
  );
  // Where something is deployed for production by name, the same for trial is not judged again.
  const real = own.filter(({ place, name, project: target = '' }) => [place.file, name, target].every((one) => !STAGING.test(one)));
  return real.length > 0 ? real : own;
}

/** Services that reach the database; where that cannot be told, all of them. */
export function deployedServices(project: Project): DeployedService[] {
  const services = productionDeployments(project).filter(({ role }) => role === 'service');
  const groups = [...Map.groupBy(services, ({ platform, name, project: target = '' }) => `${platform} ${name} ${target}`).values()];
  const all = groups.flatMap((group): DeployedService[] => {
    const [one] = group;
    // A definition without a project is of each project to which the service goes.
    const alike = services.filter(({ platform, name }) => platform === one?.platform && name === one.name);
    if (!one?.project && alike.length > group.length) return [];
    const deployments = [...group, ...alike.filter((other) => !other.project && !group.includes(other))].toSorted(
      (a, b) => Number(a.form === 'command') - Number(b.form === 'command'),
    );
    const [first] = deployments;
    if (!first) return [];
    const open = deployments.find(({ unseen }) => unseen);
    const isOnlyChanged = deployments.every(({ verb }) => verb?.endsWith('update'));
    const hidden = open
      ? `flags come from ${open.unseen?.value} (${placeText(open.place)})`
      : isOnlyChanged
        ? `${placeText(first.place)} changes a service that is made elsewhere`
        : null;
    return [{ name: first.name, platform: first.platform, place: first.place, deployments, hidden }];
  });
  return thoseThatReach(all, ({ deployments }) => deployments.some(reachesDatabase));
}

/** Those that fit; where that cannot be told of any, all. */
function thoseThatReach<T>(all: T[], fits: (one: T) => boolean): T[] {
  const reaching = all.filter(fits);
  return reaching.length > 0 ? reaching : all;
}

/** Deployments that are given an address of the database, or everything of a secret; where none is, all. */
export function reachingDatabase(deployments: Deployment[]): Deployment[] {
  const names = new Set(deployments.filter(reachesDatabase).map(({ name }) => name));
  return thoseThatReach(deployments, (one) => names.has(one.name) || one.env.some(({ name }) => name === '*'));
}

/** Every place that sets it. */
export function settingsOf<Key extends 'minInstances' | 'maxInstances' | 'concurrency' | 'timeoutSeconds' | 'cpu' | 'memory'>(
  { deployments }: DeployedService,
  key: Key,
): NonNullable<Deployment[Key]>[] {
  return deployments.flatMap((one) => (one[key] as NonNullable<Deployment[Key]> | undefined) ?? []);
}

/** A setting that no file sets: a finding, unless something may set it that cannot be seen. */
export function missing(service: DeployedService, grade: Finding['grade'], message: string): Look {
  return service.hidden ? { hidden: service.hidden } : { findings: [finding(grade, message, service.place)] };
}

/** Judges each service of the platforms; the worst counts. */
export function judgeServices(project: Project, platforms: Platform[], judge: (service: DeployedService) => Look): Judgement {
  const services = deployedServices(project).filter(({ platform }) => platforms.includes(platform));
  if (services.length === 0) return nothingDeployed(project);
  return joined(services.map(judge));
}

export function joined(looks: Look[]): Judgement {
  const findings = looks.flatMap((look) => look.findings ?? []);
  const evidence = looks.flatMap((look) => look.evidence ?? []);
  const hidden = looks.flatMap((look) => look.hidden ?? []);
  if (findings.length === 0 && hidden.length > 0) return couldNotCheck([...new Set(hidden)].join('; '));
  return judged(findings, evidence);
}

/** Nothing is there to judge; or something is, in a form that is not read. */
export function nothingDeployed(project: Project, what = 'no Cloud Run deployment found'): Judgement {
  const [unread] = project.deployments.unread;
  return unread ? couldNotCheck(`${unread.file}: ${unread.why}`) : notApplicable(what);
}

export function placeText({ file, line }: Place): string {
  return `${file}:${line}`;
}

export function settingText({ value, place }: Setting<string | number>): string {
  return `${value} (${placeText(place)})`;
}

/** A file of Docker Compose is for development unless it says otherwise. */
function isProduction({ platform, env, place }: Deployment): boolean {
  if (platform !== 'compose') return true;
  return PRODUCTION.test(place.file) || env.some(({ name, value }) => name === 'NODE_ENV' && value === 'production');
}

function reachesDatabase({ sqlInstances, env }: Deployment): boolean {
  return sqlInstances !== undefined || env.some(({ name }) => DATABASE_VARIABLE.test(name));
}

function withoutTag(image: string): string {
  return image.replace(/@sha256:.*$/, '').replace(/:[^/]*$/, '');
}
