import { readFileSync } from 'node:fs';
import { DEFAULT_POOL, type DatabaseSettings } from './settings.ts';

/** The settings of a connection string, and one line for each parameter that was mapped to a setting of the driver. */
export type ParsedUrl = { settings: DatabaseSettings; notes: string[] };

/**
 * Reads `postgresql://user:password@host:port/database?...`, also with a socket folder (`@/database?host=/cloudsql/...`).
 *
 * The driver ignores the pool parameters that Prisma's URLs carry, so `connection_limit`, `pool_timeout`, `connect_timeout` (seconds)
 * and `statement_cache_size` become settings here, and the driver never sees the URL. Throws an error that names a parameter it
 * does not know and the environment variable that holds the URL, and never quotes the URL, which holds the password.
 */
export function parseDatabaseUrl(text: string, key = 'DATABASE_URL'): ParsedUrl {
  // A socket URL has no host between "@" and "/", which the URL parser refuses.
  const normal = text.replace(/^(postgres(?:ql)?:\/\/[^/]*@)\//, '$1socket/');
  let url: URL;
  try {
    url = new URL(normal);
  } catch {
    throw new Error(`${key} is not a URL; a password with "/", "@" or "%" must be percent-encoded.`);
  }
  if (url.protocol !== 'postgresql:' && url.protocol !== 'postgres:') throw new Error(`${key} must begin with postgresql://`);
  const parameters = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (!PARAMETERS.has(name))
      throw new Error(`${key} has the parameter "${name}", which nothing here reads. Known: ${[...PARAMETERS].join(', ')}.`);
    if (parameters.has(name)) throw new Error(`${key} has the parameter "${name}" twice.`);
    parameters.set(name, value);
  }
  // An IPv6 address stands in brackets in a URL and nowhere else.
  const host = parameters.get('host') ?? decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1');
  const database = decodeURIComponent(url.pathname.slice(1));
  if (host === '' || (host === 'socket' && normal !== text))
    throw new Error(`${key} names no host; for a socket add ?host=/folder/of/the/socket.`);
  if (url.username === '' || database === '') throw new Error(`${key} needs a user and a database name.`);

  const notes: string[] = [];
  const number = (name: string, unit: string, means: string): number | undefined => {
    const value = parameters.get(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,6}$/.test(value) || (Number(value) === 0 && name !== 'statement_cache_size'))
      throw new Error(`${key}: ${name} must be a whole number above 0.`);
    notes.push(`${name}=${value}: ${means} ${value}${unit}`);
    return Number(value);
  };
  const poolMax = number('connection_limit', '', 'the pool opens at most');
  const poolWait = number('pool_timeout', ' s', 'a request waits for a connection at most');
  const connect = number('connect_timeout', ' s', 'a new connection may take');
  const statements = number('statement_cache_size', '', 'each connection keeps prepared statements up to');
  return {
    settings: {
      ...DEFAULT_POOL,
      host,
      port: Number(parameters.get('port') ?? (url.port || 5432)),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database,
      ssl: host.startsWith('/') ? false : tlsOf(parameters, notes, key),
      ...(poolMax === undefined ? {} : { poolMax }),
      ...(poolWait === undefined ? {} : { poolWaitMillis: poolWait * 1_000 }),
      ...(connect === undefined ? {} : { connectMillis: connect * 1_000 }),
      ...(statements === undefined ? {} : { statementCacheSize: statements }),
      ...(parameters.has('application_name') ? { applicationName: parameters.get('application_name') ?? '' } : {}),
    },
    notes,
  };
}

const PARAMETERS = new Set([
  'host',
  'port',
  'application_name',
  'connection_limit',
  'pool_timeout',
  'connect_timeout',
  'statement_cache_size',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
]);

/** Every mode but `disable` verifies the server; `verify-ca` skips only the host name, for certificates of an instance's own authority. */
function tlsOf(parameters: Map<string, string>, notes: string[], urlKey: string): DatabaseSettings['ssl'] {
  const mode = parameters.get('sslmode');
  if (mode === undefined || mode === 'disable') return false;
  if (mode !== 'require' && mode !== 'verify-ca' && mode !== 'verify-full') {
    throw new Error(`${urlKey}: sslmode=${mode} is not one of disable, require, verify-ca, verify-full.`);
  }
  if (mode === 'require') notes.push('sslmode=require: encrypts and, here, verifies the server like verify-full');
  const file = (name: string): string | undefined => {
    const path = parameters.get(name);
    if (path === undefined) return undefined;
    try {
      return readFileSync(path, 'utf8');
    } catch {
      throw new Error(`${urlKey}: the file of ${name} cannot be read.`);
    }
  };
  const [ca, cert, key] = [file('sslrootcert'), file('sslcert'), file('sslkey')];
  return {
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  };
}
