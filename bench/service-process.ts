// The service as benchmarks measure it through HTTP: the real composition without jobs, in a process of its own.
import { startService } from '../apps/api/src/compose.ts';
import { loadConfig } from '../apps/api/src/platform/config.ts';
import { createLog } from '../apps/api/src/platform/log.ts';

const config = await loadConfig(process.env);
const service = await startService(config, createLog('info', { write: () => {} }), { serves: true, runsJobs: false });
service.lifecycle.handleSignals();
process.send?.({ port: service.port, metricsPort: service.metricsPort });
