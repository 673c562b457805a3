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
import { container } from './health/container.ts';
import { job } from './migrate/job.ts';
import { safety } from './migrate/safety.ts';
import { scripts } from './migrate/scripts.ts';
import { duplicateClient } from './pool/duplicate-client.ts';
import { pooler } from './practice/pooler.ts';
import { publicIp } from './security/public-ip.ts';
import { secretManager } from './security/secret-manager.ts';

/** Every check, in the order of the report. */
export const CHECKS: Check[] = [
  duplicateClient,
  container,
  pooler,
  publicIp,
  secretManager,
  minInstances,
  timeout,
  maxInstances,
  concurrency,
  sqlInstances,
  resources,
  scripts,
  job,
  safety,
  runbook,
  checklist,
  alerts,
];
