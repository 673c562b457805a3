import type { DatabaseSettings } from '@medspa/database';
import { deployMigrations, setUpDatabase } from '@medspa/database/migrate';

/** One database and its three roles: the server's administrator, the owner of the tables, the service. */
export type SignIns = { admin: DatabaseSettings; owner: DatabaseSettings; runtime: DatabaseSettings };

// Servers of tests listen on loopback and end with them.
const PASSWORDS = { ownerPassword: 'test-owner', runtimePassword: 'test-runtime' };

export function signInsOf(server: DatabaseSettings, database: string): SignIns {
  const admin = { ...server, database };
  return {
    admin,
    owner: { ...admin, user: 'app_owner', password: PASSWORDS.ownerPassword },
    runtime: { ...admin, user: 'app_rw', password: PASSWORDS.runtimePassword },
  };
}

/** Makes the roles and the database where they are missing, and applies every migration. */
export async function migrate(server: DatabaseSettings, database: string): Promise<void> {
  await setUpDatabase(server, { database, ...PASSWORDS });
  await deployMigrations(signInsOf(server, database).owner);
}
