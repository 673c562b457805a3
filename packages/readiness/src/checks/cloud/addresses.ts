// Where the database is, as environment and deployment files tell.
import type { Place } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { isVariable } from '../../project/readers/values.ts';
import { productionDeployments } from './services.ts';

export type Address = {
  variable: string;
  place: Place;
  /** A host, or the folder of a socket. */
  host: string;
  kind: 'public address' | 'private address' | 'this machine' | 'socket' | 'name' | 'unknown';
};

const VARIABLE = /(DATABASE|DB|POSTGRES(QL)?|PG|DIRECT)_?(URL|URI|HOST)|CONNECTION_STRING/;

/** Of environment files without what is commented out, and of production deployments. */
export function databaseAddresses(project: Project): Address[] {
  const entries = [
    ...project.envFiles
      .flatMap((file) => file.entries.filter(({ isComment }) => !isComment))
      .map(({ key, value, place }) => ({ name: key, value, place })),
    ...productionDeployments(project).flatMap(({ env }) => env),
    ...project.deployments.shared,
  ];
  return entries.flatMap(({ name, value, place }) => {
    if (value === undefined || !VARIABLE.test(name)) return [];
    const host = name.endsWith('HOST') ? value : hostOf(value);
    return host === null ? [] : [{ variable: name, place, host, kind: kindOf(host) }];
  });
}

/** The host of a connection string, also behind a password with `@` in it, and in `?host=`. */
function hostOf(url: string): string | null {
  const [, rest] = /^postgres(?:ql)?:\/\/(.*)$/.exec(url.trim()) ?? [];
  if (rest === undefined) return null;
  const [before = '', query = ''] = rest.split('?');
  const parameter = new URLSearchParams(query).get('host');
  if (parameter) return parameter;
  const authority = before.slice(before.lastIndexOf('@') + 1);
  const [, host = ''] = /^(\[[^\]]+\]|[^:/]*)/.exec(authority) ?? [];
  return decodeURIComponent(host.replaceAll(/%(?![0-9a-f]{2})/gi, '%25'));
}

function kindOf(host: string): Address['kind'] {
  if (host === '' || isVariable(host) || /^(HOST|host|hostname|<.*>|your[-_].*|example\..*)$/.test(host)) return 'unknown';
  if (host.startsWith('/')) return 'socket';
  if (/^(localhost|127\.|\[?::1\]?$|0\.0\.0\.0|host\.docker\.internal)/.test(host)) return 'this machine';
  if (/^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|\[?f[cd][0-9a-f]{2}:)/i.test(host))
    return 'private address';
  return /^(\d{1,3}\.){3}\d{1,3}$|^\[[0-9a-f:]+\]$/i.test(host) ? 'public address' : 'name';
}

/** Databases of other providers than Google have no Cloud SQL instance. */
export function hostedElsewhere(addresses: Address[]): Address | null {
  return (
    addresses.find(
      ({ kind, host }) =>
        kind === 'name' &&
        /\.(neon\.tech|supabase\.(co|com)|rds\.amazonaws\.com|render\.com|fly\.dev|railway\.app|aivencloud\.com|azure\.com|ondigitalocean\.com|timescale\.com|heroku\w*\.com|prisma\.io)$/.test(
          host,
        ),
    ) ?? null
  );
}
