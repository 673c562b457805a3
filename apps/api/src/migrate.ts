import { readEnvironment } from './platform/config.ts';
import { deploy, ownerOf, setUp, showSetupCode, showStatus } from './platform/database-tasks.ts';
import { encryptionIn } from './platform/encryption.ts';
import { runKeyTask } from './platform/key-tasks.ts';

// Entry of a container that runs to its end: applies the migrations as the owner, or with an argument shows where the database
// stands (`status`), makes roles and database (`setup`), prints a code for the first person of an organization (`setup-code`) or
// does what is to be done with the keys of the data (`keys`, which needs what wraps them as well).
try {
  const given = await readEnvironment(process.env, { envFile: '.env' });
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const [task = 'deploy', ...args] = process.argv.slice(2);
  if (task === 'deploy') await deploy(ownerOf(given), say);
  else if (task === 'status') process.exitCode = (await showStatus(ownerOf(given), say)) ? 0 : 1;
  else if (task === 'setup') await setUp(given, say);
  else if (task === 'setup-code') await showSetupCode(ownerOf(given), say);
  else if (task === 'keys') await runKeyTask(args, { withOwner: (work) => work(ownerOf(given)), encryption: encryptionIn(given), say });
  else throw new Error(`Unknown task "${task}": deploy, status, setup, setup-code or keys.`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
