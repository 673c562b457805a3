import type { Check } from '../check.ts';
import { endpoints } from './health/endpoints.ts';
import { liveness } from './health/liveness.ts';
import { readiness } from './health/readiness.ts';
import { errorFormat } from './log/error-format.ts';
import { levels } from './log/levels.ts';
import { auditLog } from './monitor/audit-log.ts';
import { errors } from './monitor/errors.ts';
import { metrics } from './monitor/metrics.ts';
import { slowQuery } from './monitor/slow-query.ts';
import { duplicateClient } from './pool/duplicate-client.ts';
import { batch } from './practice/batch.ts';
import { pagination } from './practice/pagination.ts';
import { queryTimeout } from './practice/query-timeout.ts';
import { statements } from './practice/statements.ts';
import { transactions } from './practice/transactions.ts';
import { circuitBreaker } from './resilience/circuit-breaker.ts';
import { errorMap } from './resilience/error-map.ts';
import { roles } from './security/roles.ts';
import { healthTest } from './test/health.ts';
import { poolTest } from './test/pool.ts';

/** Every check, in the order of the report. */
export const CHECKS: Check[] = [
  duplicateClient,
  levels,
  errorFormat,
  readiness,
  liveness,
  endpoints,
  transactions,
  queryTimeout,
  statements,
  pagination,
  batch,
  roles,
  metrics,
  slowQuery,
  errors,
  auditLog,
  errorMap,
  circuitBreaker,
  poolTest,
  healthTest,
];
