import { cloudConcurrency } from './cloud-concurrency.ts';
import type { Drill } from './drill.ts';
import { envWeakSecret } from './env-weak-secret.ts';
import { healthLiveness } from './health-liveness.ts';
import { healthReadiness } from './health-readiness.ts';
import { logErrorFormat } from './log-error-format.ts';
import { logLevels } from './log-levels.ts';
import { monitorAuditLog } from './monitor-audit-log.ts';
import { monitorMetrics } from './monitor-metrics.ts';
import { poolConnectTimeout } from './pool-connect-timeout.ts';
import { poolShutdown } from './pool-shutdown.ts';
import { poolWaitTimeout } from './pool-wait-timeout.ts';
import { resilienceCircuitBreaker } from './resilience-circuit-breaker.ts';
import { resilienceErrorMap } from './resilience-error-map.ts';
import { testHealth } from './test-health.ts';
import { testPool } from './test-pool.ts';

/** Every drill by its row, in the order of the report. */
export const DRILLS: Record<string, Drill> = {
  'pool.wait-timeout': poolWaitTimeout,
  'pool.connect-timeout': poolConnectTimeout,
  'pool.shutdown': poolShutdown,
  'env.weak-secret': envWeakSecret,
  'log.levels': logLevels,
  'log.error-format': logErrorFormat,
  'health.readiness': healthReadiness,
  'health.liveness': healthLiveness,
  'monitor.metrics': monitorMetrics,
  'cloud.concurrency': cloudConcurrency,
  'monitor.audit-log': monitorAuditLog,
  'resilience.error-map': resilienceErrorMap,
  'resilience.circuit-breaker': resilienceCircuitBreaker,
  'test.pool': testPool,
  'test.health': testHealth,
};
