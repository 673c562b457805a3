import { finding, type Check } from '../../check.ts';
import { fixTimeout } from '../../fix/cloud.timeout.ts';
import { judgeServices, missing, settingsOf, settingText } from './services.ts';

/** The top of the ladder of timeouts: above the 15 s of an HTTP request, and no longer than anybody waits. */
const LONGEST_SECONDS = 60;
const SHORTEST_SECONDS = 15;

export const timeout: Check = {
  id: 'cloud.timeout',
  title: 'Requests end after a minute at most',
  category: 'Cloud configuration',
  severity: 'medium',
  why: 'A request that hangs keeps its place in the concurrency limit, and often a connection, until this time is over; by default that is five minutes.',
  link: 'https://cloud.google.com/run/docs/configuring/request-timeout',
  looksFor: `the request timeout of Cloud Run services: set, at most ${LONGEST_SECONDS} s, and more than the ${SHORTEST_SECONDS} s that the service allows itself`,
  remedy: 'Set 60 s. Work that takes longer belongs into a job.',
  example: { language: 'yaml', before: "- '--timeout'\n- '300'", after: "- '--timeout'\n- '60'" },
  effort: '5 minutes',
  static: (project) =>
    judgeServices(project, ['cloud-run'], (service) => {
      const set = settingsOf(service, 'timeoutSeconds');
      if (set.length === 0) return missing(service, 'warn', `${service.name} sets no request timeout: it is 300 s`);
      const long = set.filter(({ value }) => value > LONGEST_SECONDS);
      const short = set.filter(({ value }) => value <= SHORTEST_SECONDS);
      return {
        findings: [
          ...long.map(({ value, place }) =>
            finding('warn', `a request of ${service.name} may take ${value} s; ${LONGEST_SECONDS} s are enough`, place),
          ),
          ...short.map(({ value, place }) =>
            finding('warn', `${service.name} is cut off after ${value} s, before the service itself can answer 503 or 504`, place),
          ),
        ],
        evidence: set.filter((one) => !long.includes(one) && !short.includes(one)).map((one) => `${service.name}: ${settingText(one)} s`),
      };
    }),
  fix: fixTimeout,
};
