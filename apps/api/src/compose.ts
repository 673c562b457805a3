import { assertKeysFit, createCodec, handleDatabaseError, openDatabase, type Database } from '@medspa/database';
import { hasNoOrganization, migrationStatus } from '@medspa/database/migrate';
import { createApp } from './app.ts';
import { findActor, identityJobs, watchReviews } from './modules/identity/index.ts';
import { messagingJobs } from './modules/messaging/index.ts';
import { findSignedInPatient, portalJobs } from './modules/portal/index.ts';
import { openLiveCalendar, schedulingJobs } from './modules/scheduling/index.ts';
import { createSigner, fingerprintOf } from './platform/audit/anchor.ts';
import { anchorBucket, openAnchorFolder } from './platform/audit/anchor-store.ts';
import { auditJobs, type Anchoring } from './platform/audit/jobs.ts';
import { createBreaker } from './platform/breaker.ts';
import type { Config } from './platform/config.ts';
import { NOBODY_YET } from './platform/database-tasks.ts';
import { openEncryption, type Encryption } from './platform/encryption.ts';
import { createIdentityProviders } from './platform/identity-provider/index.ts';
import { JOB_CONNECTIONS, startJobs } from './platform/jobs.ts';
import { keyJobs } from './platform/key-jobs.ts';
import { drain, Lifecycle, type Stoppable } from './platform/lifecycle.ts';
import type { Log } from './platform/log.ts';
import type { Received } from './platform/mailbox/page.ts';
import { createMetrics } from './platform/metrics.ts';
import { createSenders } from './platform/senders/index.ts';
import { createHttpServer, createMetricsServer, listen } from './platform/server.ts';
import { watchSlowQueries } from './platform/slow-queries.ts';
import { upkeepJobs } from './platform/upkeep.ts';

/** A running service: where it listens, and what ends it. */
export type Service = { port: number; metricsPort: number | null; lifecycle: Lifecycle };

export type ServiceOptions = {
  /** Which parts of the work this process does. */
  serves: boolean;
  runsJobs: boolean;
  /** What local stand-ins of the providers received, for the page that shows it. Practice mode only. */
  received?: () => readonly Received[];
  /** Ended after everything else, for example a database that this process started. */
  last?: { name: string; stop: () => Promise<void> };
};

/**
 * Starts the parts of the service in order and refuses to start half: wrong role, missing migrations, another key than the
 * data was sealed with, or an unreachable database end it with a sentence. The one lifecycle ends what was started.
 */
export async function startService(config: Config, log: Log, options: ServiceOptions): Promise<Service> {
  for (const note of config.notes) log.info('setting', { setting: note });
  const tracing = config.tracing ? (await import('./platform/tracing.ts')).startTracing(config.tracing) : null;
  const metrics = createMetrics();
  const breaker = createBreaker({
    atOnce: config.database.poolMax,
    waitMillis: config.database.poolWaitMillis,
    onWaited: metrics.queued,
    onTimedOut: () => metrics.pool.timedOut?.(),
    onChange: (state) => {
      metrics.breaker(state);
      log.warn('database breaker', { state });
    },
  });
  const slow = watchSlowQueries(log, config.slowQueryMillis);
  const database = openDatabase(config.database, {
    healthWrites: config.environment === 'production',
    observer: {
      ...metrics.pool,
      queried: (text, millis, failed) => {
        metrics.pool.queried?.(text, millis, failed);
        slow(text, millis);
        if (config.environment === 'development')
          log.debug('query', { statement: text, millis: Math.round(millis * 10) / 10, ...(failed ? { kind: 'failed' } : {}) });
      },
      retried: () => {
        metrics.pool.retried();
        log.info('transaction retried');
      },
      discardedDirty: () => {
        metrics.pool.discardedDirty?.();
        log.warn('connection discarded');
      },
    },
    onPrismaEvent: (level) => log[level]('prisma'),
  });
  metrics.watch(database, breaker.waiting);
  const encryption = openEncryption(config.encryption);
  const codec = createCodec(database, encryption.wrapping, { unreadable: metrics.unreadable });
  const lifecycle = new Lifecycle(log);
  const parts = { database, codec, breaker: breaker.policy, now: () => new Date() };
  const service: Service = { port: 0, metricsPort: null, lifecycle };
  const serving: Stoppable[] = [];
  lifecycle.add(serving);
  lifecycle.add([{ name: 'database', stop: database.disconnectDatabase }]);
  if (tracing) lifecycle.add([{ name: 'tracing', stop: tracing.stop }]);
  if (options.last) lifecycle.add([options.last]);

  try {
    await assertReady(config, database, encryption, options.runsJobs ? JOB_CONNECTIONS : 0);
    if (options.runsJobs) {
      const anchoring = await openAnchors(config, encryption);
      if (anchoring) log.info('setting', { setting: `anchors are signed with key ${fingerprintOf(anchoring.signer.publicKey)}` });
      const senders = createSenders(config);
      const work = [
        ...identityJobs({ mail: senders.email, apiUrl: config.apiUrl }),
        watchReviews(metrics),
        ...schedulingJobs,
        ...messagingJobs({ senders, apiUrl: config.apiUrl }),
        ...portalJobs,
        ...auditJobs(metrics, anchoring),
        ...upkeepJobs,
        ...keyJobs(encryption.wrapping, log),
      ];
      const jobs = await startJobs(config.database, work, { ...parts, log, metrics });
      serving.push({ name: 'jobs', stop: jobs.stop });
    }
    if (config.metrics) {
      const server = createMetricsServer(metrics.render);
      service.metricsPort = await listen(server, config.metrics.port, config.metrics.host);
      serving.push({ name: 'metrics', stop: () => drain(server, 500) });
    }
    // Last, so that whoever is let in finds everything running.
    if (options.serves) {
      if (await hasNoOrganization(config.database)) log.info('setting', { setting: NOBODY_YET });
      const find = findActor(parts, { needsSecondFactor: !config.isPractice });
      const live = openLiveCalendar({ ...parts, findActor: find, log, metrics });
      // With the server, which waits for streams as for every answer.
      serving.push({ name: 'live calendar', stop: live.stop });
      const app = createApp({
        ...parts,
        config,
        log,
        metrics,
        live,
        findActor: find,
        identityProviders: createIdentityProviders(config.identityProviders, parts.now),
        findPatient: findSignedInPatient(parts),
        isStopping: () => lifecycle.isStopping,
        isTraced: tracing !== null,
        ...(config.isPractice && options.received ? { received: options.received } : {}),
      });
      const server = createHttpServer(app.fetch, config.apiUrl);
      service.port = await listen(server, config.port, config.host);
      serving.push({ name: 'http', stop: () => drain(server) });
    }
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
  log.info('listening', { address: `${config.host}:${service.port}` });
  return service;
}

/** Where anchors of the audit log go, and what signs them; null where nothing is configured. */
async function openAnchors({ anchors }: Config, { ring }: Encryption): Promise<Anchoring | null> {
  if (!anchors || !ring) return null;
  const signer = createSigner(ring);
  if ('folder' in anchors) return { signer, store: await openAnchorFolder(anchors.folder, signer.publicKey) };
  // A door of its own, without the image and document libraries of the rest.
  const { s3Place } = await import('@medspa/files/s3');
  return { signer, store: anchorBucket(s3Place(anchors.bucket)) };
}

/** Throws a sentence for the operator when the database is not one that the service can work with. */
async function assertReady(
  { database: settings }: Config,
  database: Database,
  { wrapping }: Encryption,
  jobConnections: number,
): Promise<void> {
  try {
    await database.assertUsable(jobConnections);
  } catch (error) {
    if (!handleDatabaseError(error)) throw error;
    const { message } = error as Error;
    throw new Error(
      `The database "${settings.database}" at ${settings.host}:${settings.port} does not let ${settings.user} in: ${message}.`,
      {
        cause: error,
      },
    );
  }
  const { pending, failed } = await migrationStatus(settings);
  const lacking = [...pending, ...failed];
  if (lacking.length > 0)
    throw new Error(`The database lacks ${lacking.length} migrations (${lacking[0]} ...). Run npm run db:migrate:deploy first.`);
  await assertKeysFit(database, wrapping);
}
