import { execFileSync, spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';

/** Who runs the server processes: nobody special, or, since PostgreSQL refuses root, an unprivileged account of this machine. */
export type Account = { name: string; ids: { uid: number; gid: number } | Record<string, never>; isBorrowed: boolean };

/** This user; for root the account `postgres`, else `nobody`. No account is ever created. */
export function serverAccount(): Account {
  if (process.getuid?.() !== 0) return { name: userInfo().username, ids: {}, isBorrowed: false };
  for (const name of ['postgres', 'nobody']) {
    const uid = idOf('-u', name);
    const gid = idOf('-g', name);
    if (uid !== null && gid !== null) return { name, ids: { uid, gid }, isBorrowed: true };
  }
  throw new Error(
    'PostgreSQL does not run as root, and this machine has neither an account "postgres" nor "nobody". Start as an ordinary user.',
  );
}

/** True when the account can start the program and it ends well. */
export function canRun(account: Account, program: string, args: string[]): boolean {
  return spawnSync(program, args, { ...account.ids, cwd: '/', stdio: 'ignore' }).status === 0;
}

function idOf(flag: '-u' | '-g', name: string): number | null {
  try {
    return Number.parseInt(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }), 10);
  } catch {
    return null;
  }
}
