// Database URLs of a project, with their parameters; what else stands in them is nobody's business here.
import type { Place } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { readUrl } from '../env/urls.ts';

export type DatabaseUrl = { place: Place; user: string; host: string; parameters: Map<string, string>; isTemplate: boolean };

/** Of environment files and deployments. Comments are documentation and are left out. */
export function databaseUrls(project: Project): DatabaseUrl[] {
  const files = project.envFiles.flatMap(({ entries, isTemplate }) =>
    entries.filter(({ isComment }) => !isComment).map(({ value, place }) => ({ value, place, isTemplate })),
  );
  const { deployments, dockerfiles } = project.deployments;
  const deployed = [...deployments, ...dockerfiles].flatMap(({ env }) =>
    env.flatMap(({ value, place }) => (value === undefined ? [] : [{ value, place, isTemplate: false }])),
  );
  return [...files, ...deployed].flatMap(({ value, place, isTemplate }) => {
    const url = readUrl('', value, place, 'file', false);
    return url ? [{ place, user: url.user, host: url.host, parameters: url.parameters, isTemplate }] : [];
  });
}

/** On this machine, or beside the service in a composition of containers: development. */
export function isLocal(host: string): boolean {
  return /^(localhost|127\.0\.0\.1|::1|0\.0\.0\.0|db|database|postgres|postgresql|pg|host\.docker\.internal)$/.test(host);
}
