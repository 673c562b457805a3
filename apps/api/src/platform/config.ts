import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { DEFAULT_POOL, parseDatabaseUrl, type DatabaseSettings } from '@medspa/database';
import { z } from 'zod';
import { ANCHOR_KEYS, anchorsOf, type AnchorSettings } from './config-anchors.ts';
import { ENCRYPTION_KEYS, encryptionOf, type EncryptionSettings } from './config-encryption.ts';
import { IDENTITY_KEYS, identityOf, type IdentitySettings } from './config-identity.ts';
import { SENDER_KEYS, sendersOf, type SenderSettings } from './config-senders.ts';
import { readEnvFile } from './env-file.ts';
import type { LogLevel } from './log.ts';
import { resolveSecrets, type SecretSource } from './secrets.ts';
import type { RelyingParty } from './webauthn.ts';

/** What the process runs with. Read once, at start; nothing else reads the environment. */
export type Config = {
  environment: 'development' | 'test' | 'production';
  host: string;
  port: number;
  metrics: { host: string; port: number } | null;
  database: DatabaseSettings;
  /** What wraps the keys of the data. */
  encryption: EncryptionSettings;
  /** Where signed heads of the sealed logs are kept, outside of the database. */
  anchors: AnchorSettings;
  apiUrl: string;
  corsOrigins: ReadonlySet<string>;
  /** Proxies before the service that write truly who came to them into X-Forwarded-For. */
  trustedProxies: number;
  /** How many times as much as one person needs a caller may ask for. */
  rateLimitFactor: number;
  /** Whose passkeys they are. */
  relyingParty: RelyingParty;
  logLevel: LogLevel;
  /** Statements that take this many milliseconds are logged by shape. */
  slowQueryMillis: number;
  tracing: { endpoint: string } | null;
  /** Run background jobs in this process, beside serving requests. */
  runsJobs: boolean;
  /** A made-up clinic, whose sign-ins are printed and whose messages stay on this machine. Never in production. */
  isPractice: boolean;
  /** What start-up should say: how URL parameters were understood. */
  notes: string[];
} & SenderSettings &
  IdentitySettings;

/** Everything that is wrong with the configuration, one line per key; no line holds a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(lines: string[]) {
    super(`The configuration is not usable:\n${lines.map((line) => `  - ${line}`).join('\n')}`);
  }
}

const port = z.coerce.number().int().min(0).max(65_535);
const filled = z.string().trim().min(1);
const url = z.url({ protocol: /^https?$/, error: 'not an http(s) URL' }).transform((value) => value.replace(/\/$/, ''));

const Environment = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  HOST: filled.optional(),
  PORT: port.default(8_080),
  METRICS_HOST: filled.default('127.0.0.1'),
  METRICS_PORT: port.optional(),
  DATABASE_URL: filled.optional(),
  DATABASE_HOST: filled.optional(),
  DATABASE_PORT: port.optional(),
  DATABASE_NAME: filled.optional(),
  DATABASE_USER: filled.optional(),
  DATABASE_PASSWORD: filled.optional(),
  DATABASE_CA: filled.optional(),
  DATABASE_CERT: filled.optional(),
  DATABASE_KEY: filled.optional(),
  DATABASE_POOL_MAX: z.coerce.number().int().min(1).max(100).optional(),
  DATABASE_ROLE: z.enum(['app_rw', 'app_owner']).optional(),
  DATABASE_OWNER_URL: filled.optional(),
  DATABASE_ADMIN_URL: filled.optional(),
  APP_OWNER_PASSWORD: filled.optional(),
  APP_RW_PASSWORD: filled.optional(),
  APP_URL: url.optional(),
  API_URL: url.optional(),
  CORS_ORIGINS: z.string().default(''),
  TRUSTED_PROXIES: z.coerce.number().int().min(0).max(5).optional(),
  RATE_LIMIT_FACTOR: z.coerce.number().min(0.1).max(10_000).default(1),
  WEBAUTHN_RP_ID: z
    .string()
    .regex(/^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z](?:[a-z0-9-]*[a-z0-9])?$/, 'not a domain like clinic.example')
    .optional(),
  GCP_PROJECT_ID: filled.optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).optional(),
  SLOW_QUERY_MILLIS: z.coerce.number().int().min(1).max(60_000).default(250),
  OTEL_EXPORTER_OTLP_ENDPOINT: url.optional(),
  JOBS: z.enum(['on', 'off']).default('on'),
  PRACTICE: z.enum(['on', 'off']).default('off'),
  ...SENDER_KEYS,
  ...ANCHOR_KEYS,
  ...ENCRYPTION_KEYS,
  ...IDENTITY_KEYS,
});
type Environment = z.infer<typeof Environment>;

const CONFIG_KEYS: ReadonlySet<string> = new Set(Object.keys(Environment.shape));

/**
 * Builds the configuration from the environment, and below it from an env file where one is given. Values `secret:NAME` are
 * fetched first. Throws `ConfigError`.
 */
export async function loadConfig(
  env: Record<string, string | undefined>,
  options: { envFile?: string; secrets?: SecretSource } = {},
): Promise<Config> {
  const parsed = Environment.safeParse(await readEnvironment(env, options));
  if (!parsed.success) throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  return assemble(parsed.data);
}

/**
 * The keys of the configuration as they are given, not judged yet: the env file where there is one, the environment over it,
 * and what a `secret:NAME` stands for. Tasks that need another sign-in than the service's take it from here. Throws `ConfigError`.
 */
export async function readEnvironment(
  env: Record<string, string | undefined>,
  { envFile, secrets }: { envFile?: string; secrets?: SecretSource } = {},
): Promise<Record<string, string | undefined>> {
  try {
    const inFile = envFile && existsSync(envFile) ? definedOf(readEnvFile(envFile, CONFIG_KEYS)) : {};
    return await resolveSecrets({ ...inFile, ...definedOf(env) }, secrets);
  } catch (error) {
    throw new ConfigError([(error as Error).message]);
  }
}

/** An empty value is an unset one: a template that was not filled must not look configured. */
function definedOf(env: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => CONFIG_KEYS.has(entry[0]) && !!entry[1]?.trim()),
  );
}

function assemble(env: Environment): Config {
  const problems: string[] = [];
  const isProduction = env.NODE_ENV === 'production';
  const notes: string[] = [];

  const database = databaseOf(env, problems, notes);
  if (isProduction && database) refuseUnsafeDatabase(database, problems);
  const encryption = encryptionOf(env, problems);
  const corsOrigins = originsOf(env, problems);
  if (isProduction && !env.API_URL) problems.push('API_URL: missing; in production the service must know its own address.');
  const apiUrl = env.API_URL ?? `http://127.0.0.1:${env.PORT}`;
  const relyingParty = relyingPartyOf(env.WEBAUTHN_RP_ID, [new URL(apiUrl).origin, ...corsOrigins], problems, notes);
  const isPractice = env.PRACTICE === 'on';
  if (isProduction && isPractice)
    problems.push('PRACTICE: practice mode prints who signs in with which password; it does not start in production.');
  const senders = sendersOf(env, isProduction, problems);
  const anchors = anchorsOf(env, isProduction, problems, notes);
  if (anchors && !encryption.ring)
    problems.push('ENCRYPTION_KEY: missing; anchors of the audit log are signed with it, also where KMS_KEY wraps the keys of the data.');
  if (isProduction && env.TRUSTED_PROXIES === undefined)
    notes.push('TRUSTED_PROXIES: not given, so that all who come through a proxy count as one; 0 says that there is none');
  const identity = identityOf(env, { apiUrl, isProduction }, problems, notes);
  if (problems.length > 0 || !database) throw new ConfigError(problems);

  return {
    environment: env.NODE_ENV,
    host: env.HOST ?? (isProduction ? '0.0.0.0' : '127.0.0.1'),
    port: env.PORT,
    metrics: env.METRICS_PORT === undefined ? null : { host: env.METRICS_HOST, port: env.METRICS_PORT },
    database,
    encryption,
    anchors,
    apiUrl,
    corsOrigins,
    trustedProxies: env.TRUSTED_PROXIES ?? 0,
    rateLimitFactor: env.RATE_LIMIT_FACTOR,
    relyingParty,
    logLevel: env.LOG_LEVEL ?? (isProduction ? 'info' : 'debug'),
    slowQueryMillis: env.SLOW_QUERY_MILLIS,
    tracing: env.OTEL_EXPORTER_OTLP_ENDPOINT ? { endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT } : null,
    runsJobs: env.JOBS === 'on',
    isPractice,
    notes,
    ...senders,
    ...identity,
  };
}

function databaseOf(env: Environment, problems: string[], notes: string[]): DatabaseSettings | null {
  const tls = {
    ca: pemOf(env, 'DATABASE_CA', problems),
    cert: pemOf(env, 'DATABASE_CERT', problems),
    key: pemOf(env, 'DATABASE_KEY', problems),
  };
  const overrides = {
    ...(env.DATABASE_POOL_MAX === undefined ? {} : { poolMax: env.DATABASE_POOL_MAX }),
    ...(env.DATABASE_ROLE === undefined ? {} : { options: `-c role=${env.DATABASE_ROLE}` }),
  };
  if (env.DATABASE_URL) {
    if (env.DATABASE_URL.includes('${')) {
      problems.push('DATABASE_URL: holds a ${...} that nobody replaces; give DATABASE_PASSWORD and the other fields instead.');
      return null;
    }
    for (const field of ['DATABASE_HOST', 'DATABASE_PORT', 'DATABASE_NAME', 'DATABASE_USER'] as const)
      if (env[field] !== undefined) problems.push(`${field}: stands beside DATABASE_URL, which says it too; give one of them.`);
    try {
      const { settings, notes: said } = parseDatabaseUrl(env.DATABASE_URL);
      notes.push(...said);
      if (settings.password && env.DATABASE_PASSWORD)
        problems.push('DATABASE_PASSWORD: stands beside a DATABASE_URL with a password; give one of them.');
      const password = settings.password || (env.DATABASE_PASSWORD ?? '');
      return { ...settings, ...overrides, password, ssl: tlsOf(settings.ssl, tls, problems) };
    } catch (error) {
      problems.push((error as Error).message);
      return null;
    }
  }
  if (!env.DATABASE_HOST || !env.DATABASE_PASSWORD) {
    problems.push('DATABASE_URL: missing (or DATABASE_HOST, DATABASE_USER, DATABASE_PASSWORD and DATABASE_NAME).');
    return null;
  }
  return {
    ...DEFAULT_POOL,
    host: env.DATABASE_HOST,
    port: env.DATABASE_PORT ?? 5_432,
    user: env.DATABASE_USER ?? 'app_rw',
    password: env.DATABASE_PASSWORD,
    database: env.DATABASE_NAME ?? 'medspa',
    ssl: tlsOf(false, tls, problems),
    ...overrides,
  };
}

/** What the URL says about TLS, completed by the certificates and the key that stand in fields of their own. */
function tlsOf(
  base: DatabaseSettings['ssl'],
  { ca, cert, key }: { ca: string | undefined; cert: string | undefined; key: string | undefined },
  problems: string[],
): DatabaseSettings['ssl'] {
  if ((cert === undefined) !== (key === undefined)) problems.push('DATABASE_CERT: a certificate and its DATABASE_KEY go together.');
  if (base === false && cert && !ca)
    problems.push('DATABASE_CA: missing; without it nobody verifies the server that is shown the certificate.');
  if (base === false && !ca) return false;
  return { ...base, rejectUnauthorized: true, ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}

/** A certificate or key given as its text (from a secret) or as a file's path. */
function pemOf(env: Environment, key: 'DATABASE_CA' | 'DATABASE_CERT' | 'DATABASE_KEY', problems: string[]): string | undefined {
  const value = env[key];
  if (!value || value.includes('-----BEGIN')) return value;
  if (existsSync(value)) return readFileSync(value, 'utf8');
  problems.push(`${key}: neither a PEM text nor a file that exists.`);
  return undefined;
}

const DEFAULT_PASSWORDS = new Set(['postgres', 'password', 'changeme', 'change_me', 'secret', 'admin', 'medspa']);

function refuseUnsafeDatabase(database: DatabaseSettings, problems: string[]): void {
  if (database.password.length < 16 || DEFAULT_PASSWORDS.has(database.password.toLowerCase())) {
    problems.push('DATABASE_URL: in production the password has at least 16 characters and is not a default (openssl rand -hex 32).');
  }
  const isLocal =
    database.host.startsWith('/') || database.host === 'localhost' || database.host === '127.0.0.1' || database.host === '::1';
  if (!isLocal && database.ssl === false) {
    problems.push(
      'DATABASE_URL: in production use a socket (?host=/cloudsql/...) or verify the server (sslmode=verify-full&sslrootcert=...).',
    );
  }
}

function originsOf(env: Environment, problems: string[]): ReadonlySet<string> {
  const origins = new Set<string>();
  for (const entry of env.CORS_ORIGINS.split(',').map((part) => part.trim())) {
    if (entry === '') continue;
    const origin = URL.canParse(entry) ? new URL(entry) : null;
    if (!origin || origin.origin === 'null' || origin.origin !== entry || !/^https?:$/.test(origin.protocol)) {
      problems.push(`CORS_ORIGINS: every entry is an exact origin like https://app.example.com, without path, wildcard or "null".`);
      continue;
    }
    if (env.NODE_ENV === 'production' && origin.protocol !== 'https:') {
      problems.push('CORS_ORIGINS: in production every origin is https.');
      continue;
    }
    origins.add(entry);
  }
  for (const own of [env.APP_URL, env.API_URL]) if (own) origins.add(new URL(own).origin);
  return origins;
}

/**
 * Whose passkeys they are: the host of the service unless a domain is named that stands above it and the pages. Browsers let only
 * pages of that domain use them, so the other origins are left out.
 */
function relyingPartyOf(named: string | undefined, all: string[], problems: string[], notes: string[]): RelyingParty {
  const id = named ?? new URL(all[0] ?? '').hostname;
  const origins = [...new Set(all)].filter((origin) => `.${new URL(origin).hostname}`.endsWith(`.${id}`));
  if (named && origins.length === 0) problems.push('WEBAUTHN_RP_ID: neither API_URL nor a page of CORS_ORIGINS is of that domain.');
  if (isIP(id.replace(/^\[|\]$/g, '')) !== 0)
    notes.push('API_URL: names no host, so browsers make no passkeys for it; http://localhost is one');
  return { id, origins };
}
