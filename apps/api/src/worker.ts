import { startService } from './compose.ts';
import { loadConfig } from './platform/config.ts';
import { createLog } from './platform/log.ts';

// Entry of a process that only runs background jobs, beside API processes with JOBS=off.
try {
  const config = await loadConfig(process.env, { envFile: '.env' });
  const log = createLog(config.logLevel, undefined, { readable: config.environment === 'development' });
  const service = await startService(config, log, { serves: false, runsJobs: true });
  service.lifecycle.handleSignals();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
