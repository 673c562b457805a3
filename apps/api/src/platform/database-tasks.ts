import { parseDatabaseUrl, type DatabaseSettings } from '@medspa/database';
import { deployMigrations, findDrift, hasNoOrganization, issueSetupCode, migrationStatus, setUpDatabase } from '@medspa/database/migrate';

type Given = Record<string, string | undefined>;

/** Makes roles and database with an administrator's sign-in, and sets the passwords that are given. */
export async function setUp(given: Given, say: (text: string) => void): Promise<void> {
  const { DATABASE_ADMIN_URL: url, APP_OWNER_PASSWORD: ownerPassword, APP_RW_PASSWORD: runtimePassword } = given;
  if (!url)
    throw new Error(
      'Set DATABASE_ADMIN_URL to an administrator of the server, with the database to make as its path; APP_OWNER_PASSWORD and APP_RW_PASSWORD set the passwords of the roles.',
    );
  const { settings } = parseDatabaseUrl(url, 'DATABASE_ADMIN_URL');
  await setUpDatabase(
    { ...settings, database: 'postgres' },
    { database: settings.database, ...(ownerPassword ? { ownerPassword } : {}), ...(runtimePassword ? { runtimePassword } : {}) },
  );
  say(
    `Roles app_owner and app_rw and database "${settings.database}" are there. Next: npm run db:migrate:deploy with DATABASE_OWNER_URL, then npm run setup-code for the first person.`,
  );
}

/** The owner's sign-in, without which nobody changes tables. */
export function ownerOf(given: Given): DatabaseSettings {
  if (!given['DATABASE_OWNER_URL']) throw new Error('Set DATABASE_OWNER_URL to the sign-in of app_owner.');
  return parseDatabaseUrl(given['DATABASE_OWNER_URL'], 'DATABASE_OWNER_URL').settings;
}

/** What an operator reads as long as nobody has an account. The code is printed for whoever asks, and into no log by itself. */
export const NOBODY_YET =
  'Nobody has an account yet. npm run setup-code prints a code, with which the first person makes their organization at /setup of the service.';

/** Applies what is pending, as the owner, and says how the first person begins while there is none. */
export async function deploy(owner: DatabaseSettings, say: (text: string) => void): Promise<void> {
  const applied = await deployMigrations(owner, say);
  say(applied.length === 0 ? 'Nothing to apply.' : `Applied ${applied.length}.`);
  if (await hasNoOrganization(owner)) say(NOBODY_YET);
}

/** Prints the code with which the first person of an organization makes it. There is no account before, and no default one. */
export async function showSetupCode(owner: DatabaseSettings, say: (text: string) => void): Promise<void> {
  say(`Setup code: ${await issueSetupCode(owner)}

It works once and for a day: on the page /setup of the service a person makes an organization with it, and becomes its owner. An
earlier code is void.`);
}

/** Says where the database stands; false when migrations are pending or failed, or it differs from what they make. */
export async function showStatus(owner: DatabaseSettings, say: (text: string) => void): Promise<boolean> {
  const found = await migrationStatus(owner);
  const drift = await findDrift(owner);
  say(`${found.applied.length} applied, ${found.pending.length} pending`);
  for (const [what, names] of Object.entries(found)) if (what !== 'applied') for (const name of names) say(`  ${what}: ${name}`);
  say(
    drift.length === 0
      ? 'No drift: tables, constraints, policies, triggers, functions and grants are what the migrations make.'
      : `Drift (- missing, + not ours):\n${drift.map((line) => `  ${line}`).join('\n')}`,
  );
  return found.pending.length + found.failed.length + found.edited.length + found.unknown.length + drift.length === 0;
}
