import { finding, type Check } from '../../check.ts';
import { fixMinInstances } from '../../fix/cloud.min-instances.ts';
import { judgeServices, missing, settingsOf, settingText } from './services.ts';

export const minInstances: Check = {
  id: 'cloud.min-instances',
  title: 'One instance is always warm',
  category: 'Cloud configuration',
  severity: 'medium',
  why: 'A service that scales to none answers its first request only after a container, the runtime and a database connection have started.',
  link: 'https://cloud.google.com/run/docs/configuring/min-instances',
  looksFor:
    'the minimum of instances in Cloud Run commands and definitions (also of the service as a whole), replicas on Kubernetes and Render, `min_machines_running` on Fly',
  remedy: 'Keep one instance. It warms the first one only: scaling out still starts cold, so keep the start short too.',
  example: { language: 'yaml', before: "- '--max-instances'\n- '10'", after: "- '--min-instances'\n- '1'\n- '--max-instances'\n- '10'" },
  effort: '5 minutes',
  static: (project) =>
    judgeServices(project, ['cloud-run', 'kubernetes', 'fly', 'render', 'compose'], (service) => {
      const set = settingsOf(service, 'minInstances');
      if (set.length === 0)
        return missing(service, 'warn', `${service.name} has no minimum of instances: it scales to none and starts cold`);
      const none = set.filter(({ value }) => value < 1);
      return {
        findings: none.map(({ place }) => finding('warn', `${service.name} may scale to none and starts cold`, place)),
        evidence: set.filter((one) => !none.includes(one)).map((one) => `${service.name} keeps ${settingText(one)}`),
      };
    }),
  fix: fixMinInstances,
};
