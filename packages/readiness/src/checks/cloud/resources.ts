import { finding, type Check } from '../../check.ts';
import { judgeServices, missing, settingsOf, settingText, type Look } from './services.ts';

/** A process with Prisma holds 190-270 MiB under load. */
const LEAST_MEBIBYTES = 384;

export const resources: Check = {
  id: 'cloud.resources',
  title: 'Memory and CPU are set, with room above what the service needs',
  category: 'Cloud configuration',
  severity: 'low',
  why: 'A container without room is killed under load, in the middle of requests; one without a limit takes its neighbours with it.',
  link: 'https://cloud.google.com/run/docs/configuring/services/memory-limits',
  looksFor: `memory and CPU of each service (Cloud Run, Kubernetes, compose, Fly), and at least ${LEAST_MEBIBYTES} MiB for a Node process with Prisma`,
  remedy: 'Measure the resident memory under load and set the limit to about twice of it: 512 MiB is right for most.',
  example: { language: 'yaml', before: "- 'deploy'\n- 'api'", after: "- 'deploy'\n- 'api'\n- '--memory'\n- '512Mi'\n- '--cpu'\n- '1'" },
  effort: '5 minutes',
  static: (project) =>
    judgeServices(project, ['cloud-run', 'kubernetes', 'compose', 'fly'], (service): Look => {
      const memory = settingsOf(service, 'memory');
      const cpu = settingsOf(service, 'cpu');
      const lacking = [...(memory.length === 0 ? ['memory'] : []), ...(cpu.length === 0 && service.platform !== 'fly' ? ['CPU'] : [])];
      if (lacking.length > 0) return missing(service, 'warn', `${service.name} sets no ${lacking.join(' and no ')}`);
      const small = memory.filter(({ value }) => (mebibytesOf(value) ?? LEAST_MEBIBYTES) < LEAST_MEBIBYTES);
      return {
        findings: small.map(({ value, place }) =>
          finding('warn', `${value} are too little for ${service.name}: a Node process with Prisma holds 190-270 MiB under load`, place),
        ),
        evidence: [`${service.name}: ${[...memory, ...cpu].map((one) => settingText(one)).join(', ')}`],
      };
    }),
};

/** `512Mi`, `1G`, `256mb`, `512` (of Fly); null for names of machine sizes and variables. */
function mebibytesOf(text: string): number | null {
  const [, number, unit = 'm'] = /^(\d+(?:\.\d+)?)\s*([kmgt])?i?b?$/i.exec(text) ?? [];
  const scale: Record<string, number> = { k: 1 / 1024, m: 1, g: 1024, t: 1024 * 1024 };
  return number ? Number(number) * (scale[unit.toLowerCase()] ?? 1) : null;
}
