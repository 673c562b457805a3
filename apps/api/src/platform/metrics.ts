import type { Database, PoolObserver } from '@medspa/database';
import type { BreakerState } from './breaker.ts';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How long a count that is made every five minutes is true. */
const COUNT_MILLIS = 600_000;

/** Why a stream of events ended. */
const STREAM_ENDS = ['left', 'slow', 'not-allowed', 'stopped'] as const;
export type StreamEnd = (typeof STREAM_ENDS)[number];

/** Everything that is measured. Labels are routes, classes and outcomes: nothing that a person typed. */
export type Metrics = {
  request: (method: string, route: string, status: number, seconds: number) => void;
  problem: (slug: string, route: string) => void;
  job: (job: string, outcome: 'done' | 'failed', seconds: number) => void;
  /** The logs were sealed; the oldest row that could not be yet waits for so many seconds. */
  sealed: (waitingSeconds: number) => void;
  /** So many emergency accesses were not reviewed in time. */
  overdueReviews: (count: number) => void;
  breaker: (state: BreakerState) => void;
  /** The streams that tell what happens as it happens: how many there are, why one ended, and how late an event was told. */
  live: { streams: (count: number) => void; ended: (why: StreamEnd) => void; told: (seconds: number) => void };
  /** A sealed value could not be opened: altered, moved, or its key is gone. */
  unreadable: () => void;
  /** A caller queued so long before it came to the database. */
  queued: (millis: number) => void;
  pool: PoolObserver & { retried: () => void };
  watch: (database: Database, waiting: () => number) => void;
  render: () => Promise<{ type: string; text: string }>;
};

/** Metrics in Prometheus' form. A registry of its own, so that several services of one process do not mix. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Requests by route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  });
  const problems = new Counter({
    name: 'http_problems_total',
    help: 'Refused and failed requests by reason and route',
    labelNames: ['slug', 'route'],
    registers,
  });
  const acquire = new Histogram({ name: 'db_pool_acquire_seconds', help: 'Wait for a connection', buckets: SECONDS, registers });
  const queue = new Histogram({ name: 'db_queue_wait_seconds', help: 'Wait in the queue before the pool', buckets: SECONDS, registers });
  const timeouts = new Counter({ name: 'db_pool_timeouts_total', help: 'Callers that got no connection in time', registers });
  const connects = new Counter({ name: 'db_pool_connects_total', help: 'Connections opened', registers });
  const discarded = new Counter({
    name: 'db_pool_discarded_total',
    help: 'Connections thrown away because a caller left them dirty',
    registers,
  });
  const queries = new Histogram({
    name: 'db_query_duration_seconds',
    help: 'Statements by outcome',
    labelNames: ['outcome'],
    buckets: SECONDS,
    registers,
  });
  const retries = new Counter({ name: 'db_transaction_retries_total', help: 'Transactions run again after a lost race', registers });
  const jobs = new Histogram({
    name: 'job_duration_seconds',
    help: 'Jobs by name and outcome',
    // Not `job`: Prometheus gives that label itself, and would call ours `exported_job`.
    labelNames: ['name', 'outcome'],
    buckets: SECONDS,
    registers,
  });
  const streams = new Gauge({ name: 'live_streams', help: 'Clients that are told of events as they happen', registers });
  const streamsEnded = new Counter({
    name: 'live_streams_ended_total',
    help: 'Streams that ended, by reason',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of STREAM_ENDS) streamsEnded.inc({ reason }, 0);
  const liveLag = new Histogram({
    name: 'live_event_lag_seconds',
    help: 'From an event to the moment at which a client that was there is told of it',
    buckets: SECONDS,
    registers,
  });
  const unreadable = new Counter({ name: 'encryption_unreadable_total', help: 'Sealed values that could not be opened', registers });
  const breaker = new Gauge({ name: 'db_breaker_state', help: '0 closed, 1 half-open, 2 open', registers });
  breaker.set(0);

  let lastSeal: { waiting: number; at: number } | null = null;
  /** Made by the first seal: a process that seals nothing must not look like one that has just sealed. */
  function watchSeals(): Gauge {
    return new Gauge({
      name: 'audit_seal_age_seconds',
      help: 'How long a row of the audit or access log may be waiting for its seal',
      registers,
      collect() {
        if (lastSeal) this.set(lastSeal.waiting + (performance.now() - lastSeal.at) / 1_000);
      },
    });
  }

  let overdue: { count: number; at: number } | null = null;
  /** Made by the first count. Whoever counted last knows; what another process counted before is not told any more. */
  function watchReviews(): Gauge {
    return new Gauge({
      name: 'emergency_reviews_overdue',
      help: 'Emergency accesses whose review is overdue, as this process counted in the last ten minutes',
      registers,
      collect() {
        this.set(overdue && performance.now() - overdue.at < COUNT_MILLIS ? overdue.count : 0);
      },
    });
  }

  return {
    request: (method, route, status, seconds) => requests.observe({ method, route, status }, seconds),
    problem: (slug, route) => problems.inc({ slug, route }),
    job: (job, outcome, seconds) => jobs.observe({ name: job, outcome }, seconds),
    sealed: (waiting) => {
      if (!lastSeal) watchSeals();
      lastSeal = { waiting, at: performance.now() };
    },
    overdueReviews: (count) => {
      if (!overdue) watchReviews();
      overdue = { count, at: performance.now() };
    },
    breaker: (state) => breaker.set({ closed: 0, 'half-open': 1, open: 2 }[state]),
    live: {
      streams: (count) => streams.set(count),
      ended: (reason) => streamsEnded.inc({ reason }),
      told: (seconds) => liveLag.observe(seconds),
    },
    unreadable: () => unreadable.inc(),
    queued: (millis) => queue.observe(millis / 1_000),
    pool: {
      acquired: (millis) => acquire.observe(millis / 1_000),
      timedOut: () => timeouts.inc(),
      connected: () => connects.inc(),
      discardedDirty: () => discarded.inc(),
      queried: (_text, millis, failed) => queries.observe({ outcome: failed ? 'failed' : 'done' }, millis / 1_000),
      retried: () => retries.inc(),
    },
    watch: (database, waiting) => {
      const connections = new Gauge({
        name: 'db_pool_connections',
        help: 'Connections of the pool by state',
        labelNames: ['state'],
        registers,
        collect() {
          const { total, idle, waiting: inPool, max } = database.pool;
          connections.set({ state: 'total' }, total);
          connections.set({ state: 'idle' }, idle);
          connections.set({ state: 'max' }, max);
          waitingCallers.set(inPool + waiting());
        },
      });
      const waitingCallers = new Gauge({ name: 'db_pool_waiting', help: 'Callers waiting for a connection', registers });
    },
    render: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}
