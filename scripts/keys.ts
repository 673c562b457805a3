// `npm run keys -- status`: the keys that seal the data, and everything that is done with them.
import { join } from 'node:path';
import { readEnvironment } from '../apps/api/src/platform/config.ts';
import { encryptionIn } from '../apps/api/src/platform/encryption.ts';
import { runKeyTask } from '../apps/api/src/platform/key-tasks.ts';
import { KEY_FILE, ROOT, withOwner } from './local.ts';

try {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const encryption = encryptionIn(await readEnvironment(process.env, { envFile: join(ROOT, '.env') }), KEY_FILE);
  await runKeyTask(process.argv.slice(2), { withOwner, encryption, say });
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
