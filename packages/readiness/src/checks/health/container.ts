import { finding, judged, notApplicable, passed, couldNotCheck, type Check, type Finding } from '../../check.ts';
import type { Deployment, Dockerfile, Probe } from '../../project/deployment.ts';
import type { Project } from '../../project/project.ts';
import { deployedServices, isForDevelopment, placeText, type DeployedService } from '../cloud/services.ts';

const NO_SERVER = /nginx|caddy|httpd|postgres|pgbouncer|redis|grafana|prometheus|playwright/;
const NO_HTTP = /(^|[/._-])(migrat\w*|worker|jobs?|cron|tools?|seed|backup)([/._-]|$)/i;

export const container: Check = {
  id: 'health.container',
  title: 'The container says whether it is well',
  category: 'Health',
  severity: 'low',
  why: 'Without a check a process that hangs stays in service. A check that cannot run, for want of its program, takes every container for ill; one that asks the database as liveness restarts all of them in an outage.',
  link: 'https://cloud.google.com/run/docs/configuring/healthchecks',
  looksFor:
    'HEALTHCHECK in the image of the service, that its program is in the image, and the probes of definitions (Cloud Run startup and liveness, Kubernetes readiness, checks on Fly, healthCheckPath on Render)',
  remedy:
    'Ask /health in the image for local runs. Declare the probes that the platform acts on: startup and readiness on /health/ready, liveness on /health/live, which does no I/O.',
  example: {
    language: 'dockerfile',
    before: 'CMD ["node", "dist/main.js"]',
    after:
      'HEALTHCHECK --interval=30s --timeout=3s --start-period=5s --retries=3 \\\n  CMD wget --no-verbose --tries=1 --spider http://localhost:8080/health || exit 1\nCMD ["node", "dist/main.js"]',
  },
  effort: '30 minutes',
  static: (project) => {
    const services = deployedServices(project);
    const images = serviceImages(project);
    const probes = services.flatMap(({ deployments }) => deployments.flatMap((one) => one.probes));
    if (images.length === 0 && services.length === 0) {
      const [unread] = project.deployments.unread;
      return unread ? couldNotCheck(`${unread.file}: ${unread.why}`) : notApplicable('no Dockerfile and no service definition found');
    }
    const ofServices = services.flatMap((service) => serviceFindings(service));
    const ofLiveness = probes.filter(asksDatabase).map(livenessFinding);
    const checked = images.filter(({ healthcheck }) => healthcheck);
    // What the platform asks is enough where it asks: the check of the image is for local runs.
    const areAsked = services.length > 0 && services.every(({ deployments }) => deployments.some((one) => one.probes.length > 0));
    const unchecked = areAsked ? [] : images.filter(({ healthcheck }) => !healthcheck).map(imageFinding);
    const broken = checked.flatMap((image) => programFinding(project, image));
    const findings = [...unchecked, ...broken, ...ofServices, ...ofLiveness];
    const evidence = [
      ...checked.flatMap(({ healthcheck }) => (healthcheck ? [`HEALTHCHECK on ${pathText(healthcheck)}`] : [])),
      ...services
        .flatMap(({ deployments }) => deployments.find((one) => one.probes.length > 0)?.probes ?? [])
        .map((probe) => `${probe.kind} probe on ${pathText(probe)}`),
    ];
    if (findings.length === 0 && evidence.length === 0) {
      const hidden = services.flatMap((service) => service.hidden ?? []);
      return hidden.length > 0 ? couldNotCheck(hidden.join('; ')) : judged(services.map(bareFinding));
    }
    return findings.length > 0 ? judged(findings, evidence) : passed(...evidence);
  },
};

/** Images of services; where some lie beside a service's source, those of other packages are not asked. */
function serviceImages(project: Project): Dockerfile[] {
  const images = project.deployments.dockerfiles.filter(
    ({ path, from }) => !isForDevelopment(path) && !NO_HTTP.test(path) && !NO_SERVER.test(from?.value ?? ''),
  );
  const dirs = project.services.map(({ dir }) => dir).filter(Boolean);
  const beside = images.filter(({ path }) => dirs.some((dir) => path.startsWith(`${dir}/`)));
  return beside.length > 0 ? beside : images;
}

/** A definition is complete in itself; a command may rely on what the service already has. */
function serviceFindings({ name, deployments }: DeployedService): Finding[] {
  const definition = deployments.find(({ form }) => form === 'definition');
  if (!definition) return [];
  const has = (kind: Probe['kind']) => deployments.some(({ probes }) => probes.some((one) => one.kind === kind));
  const lacking = (NEEDED[definition.platform] ?? []).filter((kind) => !has(kind));
  return lacking.length > 0 ? [finding('warn', `${name} declares no ${lacking.join(' and no ')} probe`, definition.place)] : [];
}

const NEEDED: Partial<Record<Deployment['platform'], Probe['kind'][]>> = {
  'cloud-run': ['startup', 'liveness'],
  kubernetes: ['readiness'],
  fly: ['health'],
  render: ['health'],
};

function asksDatabase({ kind, path }: Probe): boolean {
  return kind === 'liveness' && path !== null && /ready|readiness|\/(db|database)\b/.test(path);
}

function livenessFinding({ path, place }: Probe): Finding {
  return finding('warn', `liveness asks ${path}: when the database is away, every instance is restarted`, place);
}

function imageFinding({ path, from }: Dockerfile): Finding {
  return finding('warn', 'the image has no HEALTHCHECK, and no probe is declared', from?.place ?? { file: path, line: 1 });
}

function bareFinding({ name, place }: DeployedService): Finding {
  return finding('warn', `${name} has neither a HEALTHCHECK in an image nor a probe`, place);
}

/** curl and wget are not in every image. */
function programFinding(project: Project, { path, from, healthcheck, runs }: Dockerfile): Finding[] {
  if (!healthcheck || !from) return [];
  const lines = (project.files.read(path) ?? '').split('\n').slice(healthcheck.place.line - 1);
  const end = lines.findIndex((line) => !/\\\s*$/.test(line));
  const [program] = /\b(curl|wget)\b/.exec(lines.slice(0, end + 1).join('\n')) ?? [];
  const isInstalled =
    program && runs.some(({ value }) => /\b(install|add)\b/.test(value) && new RegExp(String.raw`\b${program}\b`).test(value));
  if (!program || isInstalled) return [];
  const image = from.value;
  const isWithout =
    /distroless/.test(image) ||
    (/(^|\/)(node|oven\/bun):/.test(image) && (/slim/.test(image) || (/alpine/.test(image) && program === 'curl')));
  return isWithout
    ? [finding('fail', `${program} is not in ${image}: the check fails always, and the container counts as ill`, healthcheck.place)]
    : [];
}

function pathText({ path, place }: Probe): string {
  return `${path ?? 'a command'} (${placeText(place)})`;
}
