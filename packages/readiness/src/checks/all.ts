import type { Check } from '../check.ts';
import { concurrency } from './cloud/concurrency.ts';
import { maxInstances } from './cloud/max-instances.ts';
import { minInstances } from './cloud/min-instances.ts';
import { resources } from './cloud/resources.ts';
import { sqlInstances } from './cloud/sql-instances.ts';
import { timeout } from './cloud/timeout.ts';
import { alerts } from './docs/alerts.ts';
import { checklist } from './docs/checklist.ts';
import { runbook } from './docs/runbook.ts';
import { duplicateKeys } from './env/duplicate-keys.ts';
import { envFiles } from './env/files.ts';
import { secretsCommitted } from './env/secrets-committed.ts';
import { socket } from './env/socket.ts';
import { tls } from './env/tls.ts';
import { weakSecret } from './env/weak-secret.ts';
import { container } from './health/container.ts';
import { endpoints } from './health/endpoints.ts';
import { liveness } from './health/liveness.ts';
import { readiness } from './health/readiness.ts';
import { errorFormat } from './log/error-format.ts';
import { levels } from './log/levels.ts';
import { job } from './migrate/job.ts';
import { safety } from './migrate/safety.ts';
import { scripts } from './migrate/scripts.ts';
import { auditLog } from './monitor/audit-log.ts';
import { errors } from './monitor/errors.ts';
import { metrics } from './monitor/metrics.ts';
import { slowQuery } from './monitor/slow-query.ts';
import { budget } from './pool/budget.ts';
import { connectTimeout } from './pool/connect-timeout.ts';
import { duplicateClient } from './pool/duplicate-client.ts';
import { duplicateShutdown } from './pool/duplicate-shutdown.ts';
import { limit } from './pool/limit.ts';
import { shutdown } from './pool/shutdown.ts';
import { singleton } from './pool/singleton.ts';
import { waitTimeout } from './pool/wait-timeout.ts';
import { batch } from './practice/batch.ts';
import { pagination } from './practice/pagination.ts';
import { pooler } from './practice/pooler.ts';
import { queryTimeout } from './practice/query-timeout.ts';
import { statements } from './practice/statements.ts';
import { transactions } from './practice/transactions.ts';
import { circuitBreaker } from './resilience/circuit-breaker.ts';
import { errorMap } from './resilience/error-map.ts';
import { publicIp } from './security/public-ip.ts';
import { roles } from './security/roles.ts';
import { secretManager } from './security/secret-manager.ts';
import { healthTest } from './test/health.ts';
import { poolTest } from './test/pool.ts';

/** Every check, in the order of the report. */
export const CHECKS: Check[] = [
  singleton,
  duplicateClient,
  limit,
  waitTimeout,
  connectTimeout,
  budget,
  shutdown,
  duplicateShutdown,
  duplicateKeys,
  secretsCommitted,
  envFiles,
  tls,
  socket,
  weakSecret,
  levels,
  errorFormat,
  readiness,
  liveness,
  endpoints,
  container,
  pooler,
  transactions,
  queryTimeout,
  statements,
  pagination,
  batch,
  publicIp,
  roles,
  secretManager,
  minInstances,
  timeout,
  maxInstances,
  concurrency,
  sqlInstances,
  resources,
  metrics,
  slowQuery,
  errors,
  auditLog,
  scripts,
  job,
  safety,
  errorMap,
  circuitBreaker,
  poolTest,
  healthTest,
  runbook,
  checklist,
  alerts,
];
