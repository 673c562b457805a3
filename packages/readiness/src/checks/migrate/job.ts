import { couldNotCheck, finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import type { Deployment, Setting, Step } from '../../project/deployment.ts';
import type { Project } from '../../project/project.ts';
import { deployedServices, isForDevelopment, placeText, productionDeployments } from '../cloud/services.ts';
import { usesConnector } from '../cloud/sql-instances.ts';
import { appliesMigrations, isMigration, meaningOf } from './runners.ts';

export const job: Check = {
  id: 'migrate.job',
  title: 'Migrations run once, before the new revision, and are waited for',
  category: 'Cloud configuration',
  severity: 'medium',
  why: 'New code over an old schema fails for everybody. `gcloud run jobs create` works once: the second deployment fails, since the job exists. Without `--wait` the service goes out while the migration still runs, or after it failed. Migrations at the start of a container run in every instance.',
  link: 'https://cloud.google.com/run/docs/execute/jobs',
  looksFor:
    'Cloud Run jobs (deployed, not created; executed with --wait, before the service; with secret and instance), steps of pipelines, release_command (Fly), preDeployCommand (Render), jobs and init containers (Kubernetes), and migrations at the start of containers',
  remedy:
    'Deploy the job with its own image, role and `lock_timeout`, execute it with `--wait`, and only then deploy the service. Keep old code working over the new schema.',
  example: {
    language: 'sh',
    before: 'gcloud run jobs create migrate --image "$IMAGE" --execute-now',
    after:
      'gcloud run jobs deploy migrate --image "$IMAGE" --set-secrets DATABASE_URL=migration-url:1 \\\n  --set-cloudsql-instances "$INSTANCE"\ngcloud run jobs execute migrate --wait',
  },
  effort: '2 hours',
  static: (project) => {
    if (project.schemas.length === 0) return notApplicable('no Prisma schema found');
    const runners = productionDeployments(project).filter((one) => one.role === 'job' && isMigration(project, one));
    const services = deployedServices(project);
    const ofRun = runners.filter(({ platform }) => platform === 'cloud-run');
    const elsewhere = runners.filter(({ platform }) => platform !== 'cloud-run');
    const steps = project.deployments.steps.filter((step) => isStep(project, step));
    const findings = [...runFindings(project, ofRun), ...startFindings(project)];
    const evidence = [...ofRun, ...elsewhere]
      .map(({ name, place }) => `${name} migrates (${placeText(place)})`)
      .concat(steps.map(({ place }) => `a step applies migrations (${placeText(place)})`));
    if (findings.length > 0 || evidence.length > 0) return judged(findings, [...new Set(evidence)]);
    const [unread] = project.deployments.unread;
    if (unread) return couldNotCheck(`${unread.file}: ${unread.why}`);
    const [first] = services;
    if (!first) return notApplicable('no deployment found');
    const started = startsOf(project);
    if (started.length > 0)
      return judged(
        [],
        started.map(({ place }) => `one instance migrates as it starts (${placeText(place)})`),
      );
    return judged([finding('warn', 'no step of the deployment applies migrations', first.place)]);
  },
};

function runFindings(project: Project, runners: Deployment[]): Finding[] {
  const byName = Map.groupBy(runners, ({ name }) => name);
  return [...byName].flatMap(([name, group]) => {
    const made = group.filter(({ verb }) => !verb?.endsWith('execute'));
    const executed = group.filter(({ verb, executes }) => verb?.endsWith('execute') || executes?.value);
    const first = made[0] ?? group[0];
    if (!first) return [];
    const findings = made
      .filter((one) => one.verb === 'run jobs create' && !isGuarded(project, one))
      .map(({ place }) =>
        finding('fail', `\`jobs create ${name}\` fails from the second deployment on: the job exists. Use \`jobs deploy\``, place),
      );
    // Steps of pipelines that are not read, or a person, may execute what a definition only describes.
    if (executed.length === 0 && made.some(({ form }) => form === 'command'))
      findings.push(finding('fail', `nothing executes the migration job ${name}`, first.place));
    for (const one of executed) {
      if (!one.waits?.value)
        findings.push(finding('fail', `${name} is executed without --wait: the service goes out before it has ended`, one.place));
      const service = deployedBefore(project, one);
      if (service) findings.push(finding('warn', `${name} runs after the service is deployed (${placeText(service)})`, one.place));
    }
    const isConnected = made.some((one) => one.env.length > 0 || one.sqlInstances || one.vpc || one.unseen) || usesConnector(project);
    if (made.length > 0 && !isConnected)
      findings.push(finding('fail', `the job ${name} has neither a secret nor a database instance: it cannot connect`, first.place));
    return findings;
  });
}

/** The same pipeline updates, looks for or removes the job, or goes on when it exists. */
function isGuarded({ deployments }: Project, { place }: Deployment): boolean {
  return deployments.steps.some(
    ({ pipeline, text }) =>
      pipeline === place.file && /\bjobs\s+(update|describe|delete|replace)\b|\bjobs\s+create\b[^\n;]*\|\|/.test(text),
  );
}

/** A service that the same pipeline deploys earlier, with traffic. */
function deployedBefore(project: Project, { place, project: target }: Deployment): Deployment['place'] | null {
  const found = productionDeployments(project).find(
    (one) =>
      one.verb === 'run deploy' &&
      one.project === target &&
      one.place.file === place.file &&
      one.place.line < place.line &&
      !one.noTraffic?.value,
  );
  return found?.place ?? null;
}

/** A step that applies migrations itself. Tests of pull requests do so too, over a database of their own. */
function isStep(project: Project, { pipeline, text, id }: Step): boolean {
  if (isForDevelopment(pipeline) || NOT_A_RELEASE.test(pipeline) || /test/i.test(id ?? '')) return false;
  if (/^\.(github|gitlab)/.test(pipeline) && !releases(project, pipeline)) return false;
  return /^(?!echo|printf).*\b(npx|npm|pnpm|yarn|bunx?|prisma|node)\b/m.test(text) && appliesMigrations(project, text);
}

/** By its name, or by what it does besides. */
function releases({ deployments }: Project, pipeline: string): boolean {
  return (
    /deploy|release|prod|migrat|(^|[/._-])cd[._-]/i.test(pipeline) ||
    deployments.steps.some((step) => step.pipeline === pipeline && RELEASE.test(step.text))
  );
}

const NOT_A_RELEASE = /(^|[/._-])(tests?|pr|pull|checks?|lint)([/._-]|$)/i;
const RELEASE = /\b(gcloud|kubectl|helm|fly(ctl)?\s+deploy|docker\s+push|deploy-cloudrun|aws|railway|heroku|vercel|ssh)\b/;

/** Containers that migrate as they start. */
function startsOf(project: Project): Setting<string>[] {
  const commands = [
    ...project.deployments.dockerfiles.flatMap(({ path, command }) => (command && !isForDevelopment(path) ? [command] : [])),
    ...deployedServices(project).flatMap(({ deployments }) => deployments.flatMap(({ command }) => command ?? [])),
  ];
  // An image that only migrates is a job's.
  return commands.filter(({ value }) => appliesMigrations(project, value) && /&&|;|\.sh\b/.test(meaningOf(project, value)));
}

function startFindings(project: Project): Finding[] {
  const largest = Math.max(
    1,
    ...deployedServices(project).flatMap(({ deployments, platform }) => {
      const set = deployments.flatMap(({ maxInstances }) => maxInstances?.value ?? []);
      return set.length > 0 ? set : platform === 'cloud-run' || platform === 'fly' ? [2] : [];
    }),
  );
  if (largest <= 1) return [];
  return startsOf(project).map(({ place }) =>
    finding('warn', 'the container migrates as it starts: every instance does so, and a failed migration takes the service down', place),
  );
}
