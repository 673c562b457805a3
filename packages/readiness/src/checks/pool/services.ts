// Judging a project service by service.
import { couldNotCheck, judged, notApplicable, type Finding, type Judgement } from '../../check.ts';
import type { Service } from '../../project/packages.ts';
import type { Project } from '../../project/project.ts';

/** Frameworks that start the server themselves, end it on a signal, and load modules again while developers work. */
export const OWN_SERVERS: ReadonlySet<string> = new Set(['next', 'nuxt', 'nitropack', '@remix-run/node', '@sveltejs/kit']);

/** All services together: what is wrong with one is wrong; it passes only where every one could be seen. */
export function eachService(project: Project, judge: (service: Service) => Judgement): Judgement {
  if (project.services.length === 0) return notApplicable('no service that uses Prisma or pg was found');
  return allOf(project.services.map(judge));
}

/** Several looks at one thing, each of which must be good. */
export function allOf(parts: Judgement[]): Judgement {
  const findings = unique(parts.flatMap((part) => part.findings));
  const evidence = [...new Set(parts.flatMap((part) => part.evidence))];
  const hidden = parts.filter(({ verdict }) => verdict === 'could not check');
  const reason = [...new Set(hidden.map((part) => part.reason))].join('; ');
  if (findings.length > 0) return { ...judged(findings, evidence), ...(reason ? { reason } : {}) };
  if (hidden.length > 0) return { ...couldNotCheck(reason), evidence };
  if (parts.every(({ verdict }) => verdict === 'not applicable')) return notApplicable(parts[0]?.reason ?? '');
  return judged([], evidence);
}

/** Packages that several services share are judged with each of them. */
function unique(findings: Finding[]): Finding[] {
  const kept = new Map(findings.map((one) => [`${one.place?.file}:${one.place?.line} ${one.message}`, one]));
  return [...kept.values()];
}
