// Database URLs of a project, with their parameters; what else stands in them is nobody's business here.
import type { Place } from '../../check.ts';
import type { Project } from '../../project/project.ts';

export type DatabaseUrl = { place: Place; user: string; host: string; parameters: Map<string, string>; isTemplate: boolean };

const URL_SHAPE = /^postgres(?:ql)?:\/\/(?:([^:@/?#]*)(?::[^@/?#]*)?@)?([^/?#]*)(?:\/[^?#]*)?(?:\?([^#]*))?/;

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
    const [whole, user = '', host = '', query = ''] = URL_SHAPE.exec(value.trim()) ?? [];
    if (whole === undefined) return [];
    // Not URLSearchParams: a placeholder such as ${PASSWORD} must not stand in the way.
    const parameters = new Map(query.split('&').flatMap((one): [string, string][] => pair(one)));
    return [{ place, user, host, parameters, isTemplate }];
  });
}

function pair(text: string): [string, string][] {
  const [name = '', ...value] = text.split('=');
  return name ? [[name, decode(value.join('='))]] : [];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/** On this machine, or beside the service in a composition of containers: development. */
export function isLocal(host: string): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0|db|database|postgres|postgresql|pg|host\.docker\.internal)(:\d+)?$/.test(host);
}
