import { startService } from './compose.ts';
import { loadConfig } from './platform/config.ts';
import { createLog } from './platform/log.ts';

// Entry of a container: serves requests and, unless JOBS=off, runs background jobs. Configuration comes from the environment.
try {
  const config = await loadConfig(process.env, { envFile: '.env' });
  const log = createLog(config.logLevel, undefined, { readable: config.environment === 'development' });
  const service = await startService(config, log, { serves: true, runsJobs: config.runsJobs });
  service.lifecycle.handleSignals();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
