// Database URLs as environment files, templates and deployments give them.
import type { Place } from '../../check.ts';
import type { EnvEntry, EnvFile } from '../../project/env.ts';
import type { Project } from '../../project/project.ts';

type HostKind = 'socket' | 'loopback' | 'container' | 'private' | 'public' | 'unknown';

export type DatabaseUrl = {
  key: string;
  place: Place;
  host: string;
  hostKind: HostKind;
  user: string;
  password: string;
  parameters: Map<string, string>;
  /** How close to production: what is deployed, a file of production, a template, another file; `development` never is. */
  from: 'deployment' | 'production' | 'template' | 'file' | 'development';
  isComment: boolean;
};

/** Other roads to the database than the one the service takes. */
const ASIDE = /DIRECT|SHADOW|TEST|MIGRAT|ADMIN|OWNER|UNPOOLED|NON_POOLING|REDIS|MONGO|AMQP|RABBIT/i;

/** Every PostgreSQL URL of the project's settings by which a service may reach its database. */
export function databaseUrls(project: Project): DatabaseUrl[] {
  const inFiles = project.envFiles.flatMap((file) =>
    file.entries.flatMap((entry) => readUrl(entry.key, entry.value, entry.place, fromOf(file), entry.isComment) ?? []),
  );
  const deployed = project.deployments.deployments
    .filter(({ platform }) => platform !== 'compose')
    .flatMap(({ env }) => env.flatMap(({ name, value, place }) => readUrl(name, value ?? '', place, 'deployment', false) ?? []));
  return [...deployed, ...inFiles].filter(({ key }) => !ASIDE.test(key));
}

/** Secrets that hold the URL in a deployment: it cannot be seen. */
export function hiddenUrls(project: Project): { name: string; place: Place }[] {
  return project.deployments.deployments.flatMap(({ env }) =>
    env.filter(
      ({ name, secret }) => secret !== undefined && /(DATABASE|POSTGRES|PG|DB)\w*_?(URL|URI|DSN)$/i.test(name) && !ASIDE.test(name),
    ),
  );
}

/**
 * The URLs that speak for production, those of the best source that there is: what is deployed and files of production, else
 * real hosts in other files, else templates. Commented ones are not read by anybody.
 */
export function productionUrls(project: Project): DatabaseUrl[] {
  const urls = databaseUrls(project).filter(({ isComment }) => !isComment);
  const isRemote = ({ hostKind }: DatabaseUrl) => hostKind !== 'loopback' && hostKind !== 'container';
  const best = [
    urls.filter(({ from }) => from === 'deployment' || from === 'production'),
    urls.filter((one) => one.from === 'file' && isRemote(one)),
    urls.filter(({ from }) => from === 'template'),
  ];
  return best.find((some) => some.length > 0) ?? [];
}

export function fromOf({ path, isTemplate }: EnvFile): DatabaseUrl['from'] {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (isTemplate) return 'template';
  if (/prod|staging|live/i.test(name)) return 'production';
  return /dev|local|test|ci/i.test(name) ? 'development' : 'file';
}

/** Entries that are read: the last of each key, since it wins. */
export function readEntries({ entries }: EnvFile): EnvEntry[] {
  return [...new Map(entries.filter(({ isComment }) => !isComment).map((entry) => [entry.key, entry])).values()];
}

/** Null for what is no PostgreSQL URL. Looser than the URL parser: socket forms and `${...}` are read too. */
export function readUrl(key: string, text: string, place: Place, from: DatabaseUrl['from'], isComment: boolean): DatabaseUrl | null {
  const found = /^postgres(?:ql)?:\/\/(?:([^@/?]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?([^#]*))?(?:#.*)?$/.exec(text.trim());
  if (!found) return null;
  const [, signIn = '', address = '', , query = ''] = found;
  const parameters = new Map(query.split('&').flatMap((one) => (one ? [pairOf(one.replaceAll('+', ' '))] : [])));
  const [user, password] = pairOf(signIn, ':');
  const bare = /^\[(.*)\]/.exec(address)?.[1] ?? address.replace(/:[^:]*$/, '');
  const host = parameters.get('host') ?? decoded(bare);
  return { key, place, host, hostKind: hostKindOf(host), user, password, parameters, from, isComment };
}

function pairOf(text: string, mark = '='): [string, string] {
  const at = text.indexOf(mark);
  return at === -1 ? [text, ''] : [text.slice(0, at), decoded(text.slice(at + 1))];
}

/** A part of a URL; as it stands where it is not encoded. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function hostKindOf(host: string): HostKind {
  if (host.startsWith('/') || host.includes('/cloudsql/')) return 'socket';
  if (host === '' || /[${}<>*[\]]/.test(host)) return 'unknown';
  if (/^(localhost|127\.|::1$|host\.docker\.internal$)/.test(host)) return 'loopback';
  if (
    /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|f[cd][0-9a-f]{2}:)/i.test(host) ||
    /\.(internal|local|svc|lan)(\.|$)/.test(host)
  )
    return 'private';
  // A placeholder in capitals, or the name of a container or a service in the same network.
  if (/^[A-Z_-]+$/.test(host)) return 'unknown';
  return host.includes('.') || host.includes(':') ? 'public' : 'container';
}
