import { finding, type Check } from '../../check.ts';
import { fixConcurrency } from '../../fix/cloud.concurrency.ts';
import { cloudConcurrency } from '../../drills/cloud-concurrency.ts';
import { judgeServices, missing, settingsOf, settingText } from './services.ts';

/** More than this many requests can only wait for a pool of eight or ten connections. */
const MOST_REQUESTS = 200;

export const concurrency: Check = {
  id: 'cloud.concurrency',
  title: 'The number of requests an instance takes at once is chosen',
  category: 'Cloud configuration',
  severity: 'medium',
  why: 'Requests above the size of the pool wait in its queue. How many may wait is a decision that belongs beside the size of the pool, not a default of the platform.',
  link: 'https://cloud.google.com/run/docs/configuring/concurrency',
  looksFor: `the concurrency of Cloud Run services, and the hard limit on Fly where there is one: set, and at most ${MOST_REQUESTS}`,
  remedy: 'Set it, for example to 80 with a pool of 8, and answer 503 with Retry-After when the pool has been waited for too long.',
  example: { language: 'yaml', before: "- '--timeout'\n- '60'", after: "- '--timeout'\n- '60'\n- '--concurrency'\n- '80'" },
  effort: '5 minutes',
  static: (project) =>
    judgeServices(project, ['cloud-run', 'fly'], (service) => {
      const set = settingsOf(service, 'concurrency').filter(({ value }) => value > 0);
      // Fly bounds it by default.
      if (set.length === 0 && service.platform === 'fly') return { evidence: [`${service.name} has the limit of the platform`] };
      if (set.length === 0) return missing(service, 'warn', `${service.name} leaves its concurrency to the platform's default`);
      const many = set.filter(({ value }) => value > MOST_REQUESTS);
      return {
        findings: many.map(({ value, place }) =>
          finding('warn', `${value} requests at once in one instance of ${service.name} wait for one pool of connections`, place),
        ),
        evidence: set.filter((one) => !many.includes(one)).map((one) => `${service.name}: ${settingText(one)}`),
      };
    }),
  drill: cloudConcurrency,
  fix: fixConcurrency,
};
