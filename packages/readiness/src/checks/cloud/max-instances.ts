import { failed, finding, notApplicable, passed, type Check } from '../../check.ts';
import { deployedServices, judgeServices, missing, placeText, settingsOf, settingText } from './services.ts';

/** What Cloud Run starts at most when nothing is set. */
const DEFAULT_INSTANCES = 100;
/** During a deployment the old and the new revision run beside each other. */
const DEPLOY_OVERLAP = 2;
const USABLE_SHARE = 0.9;

export const maxInstances: Check = {
  id: 'cloud.max-instances',
  title: 'The number of instances is bounded by what the database can serve',
  category: 'Cloud configuration',
  severity: 'high',
  why: `Every instance brings a connection pool. Without a maximum Cloud Run starts up to ${DEFAULT_INSTANCES} of them, and PostgreSQL refuses further connections for all.`,
  link: 'https://cloud.google.com/run/docs/configuring/max-instances',
  looksFor:
    'a maximum of instances (Cloud Run), replicas or a bounded autoscaler (Kubernetes, Render); with a database, whether even one connection for each instance fits. Whether the pool fits is the row pool.budget',
  remedy:
    'Set the maximum, and choose it together with the pool: instances x 2 (during a deployment) x (pool + 1) within 90 % of max_connections.',
  example: { language: 'yaml', before: "- 'run'\n- 'deploy'\n- 'api'", after: "- 'run'\n- 'deploy'\n- 'api'\n- '--max-instances'\n- '10'" },
  effort: '5 minutes',
  static: (project) =>
    judgeServices(project, ['cloud-run', 'kubernetes', 'render', 'compose'], (service) => {
      const set = settingsOf(service, 'maxInstances');
      if (set.length === 0)
        return missing(
          service,
          'fail',
          `${service.name} has no maximum of instances: ${DEFAULT_INSTANCES} may start, each with a pool of its own`,
        );
      const many = set.filter(({ value }) => value >= DEFAULT_INSTANCES);
      return {
        findings: many.map(({ value, place }) =>
          finding(
            'warn',
            `${value} instances of ${service.name} need at least ${value * DEPLOY_OVERLAP} connections during a deployment`,
            place,
          ),
        ),
        evidence: set.filter((one) => !many.includes(one)).map((one) => `${service.name} has at most ${settingText(one)}`),
      };
    }),
  database: async (database, project) => {
    const largest = deployedServices(project)
      .flatMap((service) => settingsOf(service, 'maxInstances'))
      .toSorted((a, b) => b.value - a.value)[0];
    if (!largest) return notApplicable('no maximum of instances to compare');
    const [row] = await database.query<{ max_connections: string }>('SHOW max_connections');
    const all = Number(row?.max_connections);
    const least = largest.value * DEPLOY_OVERLAP;
    const said = `${largest.value} instances x ${DEPLOY_OVERLAP} during a deployment = ${least} connections at the very least, of ${all}`;
    return least > all * USABLE_SHARE ? failed(said, largest.place) : passed(`${said} (${placeText(largest.place)})`);
  },
};
