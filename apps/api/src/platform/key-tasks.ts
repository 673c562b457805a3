import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  createCodec,
  destroyDataKey,
  listKeyHolders,
  NO_ORGANIZATION,
  openDatabase,
  readDataKeys,
  resealOrganization,
  rewrapDataKeys,
  rotateDataKey,
  shredOrganization,
  type Database,
  type DatabaseSettings,
  type DataKeyState,
} from '@medspa/database';
import { createSigner } from './audit/anchor.ts';
import type { Encryption } from './encryption.ts';

/** What a task works with: the sign-in of the tables' owner while it works, what wraps keys, and where it says what it does. */
export type KeyTask = {
  withOwner: (work: (owner: DatabaseSettings) => Promise<void>) => Promise<void>;
  encryption: Encryption;
  say: (text: string) => void;
  settleMillis?: number;
};

const USAGE = `keys status [ORGANIZATION]            every key, what wraps it, and how many values need it
keys rotate [ORGANIZATION]            a new data key, which seals three minutes later
keys reseal [ORGANIZATION]            seals anew, with the newest key, what older ones sealed
keys destroy ORGANIZATION KEY         destroys a key that nothing needs [--with-history: that only the audit log needs]
keys rewrap                           wraps every data key with the wrapping key of now
keys shred ORGANIZATION --for-ever    destroys all keys of an organization: nobody reads its sealed data again
keys escrow                           prints what must be kept safe, elsewhere`;

/** After a new key seals, processes that asked just before seal with the older one for so long. */
const SETTLE_MILLIS = 60_000;

/** Does what `npm run keys` or the container's `keys` was told; all organizations where none is named. Throws a sentence. */
export async function runKeyTask(args: string[], task: KeyTask): Promise<void> {
  // Needs no database, and is asked for while the service runs.
  if (args[0] === 'escrow') return task.say(escrowOf(task.encryption));
  return task.withOwner((owner) => runWithOwner(args, owner, task));
}

async function runWithOwner(
  args: string[],
  owner: DatabaseSettings,
  { encryption, say, settleMillis = SETTLE_MILLIS }: KeyTask,
): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { 'with-history': { type: 'boolean', default: false }, 'for-ever': { type: 'boolean', default: false } },
  });
  const [verb = '', given, number] = positionals;
  const { wrapping } = encryption;
  const holders = async () => {
    const all = await listKeyHolders(owner);
    if (given !== undefined && !all.includes(given)) throw new Error(`No organization ${given} has keys.`);
    return given === undefined ? all : [given];
  };
  const organizations = async () => (await holders()).filter((one) => one !== NO_ORGANIZATION);
  const named = () => {
    if (given === undefined) throw new Error(`Of which organization?\n${USAGE}`);
    return given;
  };

  const tasks: Record<string, () => Promise<void>> = {
    status: async () => {
      for (const one of await holders()) tell(one, await readDataKeys(owner, one), say);
    },
    rotate: () =>
      withDatabase(owner, async (database) => {
        for (const one of await organizations()) {
          const { keyId, usableFrom } = await rotateDataKey(database, wrapping, one);
          say(`${one}: key ${keyId} seals from ${usableFrom.toISOString()}`);
        }
        say('Older keys go on opening what they sealed. Next: keys reseal.');
      }),
    reseal: () =>
      withDatabase(owner, async (database) => {
        let unreadable = 0;
        for (const one of await organizations()) {
          await untilSettled(await readDataKeys(owner, one), settleMillis, say);
          say(`${one}:`);
          const done = await resealOrganization(owner, createCodec(database, wrapping), one, { say });
          say(`  ${done.resealed} values sealed anew`);
          unreadable += done.unreadable;
        }
        if (unreadable > 0)
          throw new Error(`${unreadable} values do not open and were left as they are: altered, moved, or their key is gone.`);
      }),
    destroy: async () => {
      await destroyDataKey(owner, named(), Number(number), { withHistory: values['with-history'] });
      say(`Key ${number} is destroyed here. A backup that has it, and what wrapped it, still opens what it sealed.`);
    },
    rewrap: async () => {
      for (const one of await holders()) say(`${one}: ${await rewrapDataKeys(owner, wrapping, one)} keys wrapped anew`);
      say('A wrapping key that keys status does not name any more can go, but for backups of before.');
    },
    shred: async () => {
      const one = named();
      if (!values['for-ever'])
        throw new Error(
          'Nobody will read the sealed data of this organization again, nor will its people sign in. Say --for-ever if that is wanted.',
        );
      await holders();
      const wrappedBy = (await readDataKeys(owner, one)).flatMap((key) => key.wrappedBy ?? []);
      say(`${await shredOrganization(owner, one)} keys destroyed.`);
      for (const by of new Set(wrappedBy)) say(`What wrapped them: ${by}`);
      say(
        'Backups of before have the wrapped keys, and open as long as what wrapped them is there. If that is a key of this organization alone, destroy it (gcloud kms keys versions destroy); otherwise the backups end with their retention.',
      );
    },
  };
  if (!Object.hasOwn(tasks, verb)) throw new Error(`What of the keys?\n${USAGE}`);
  await tasks[verb]?.();
}

async function withDatabase(owner: DatabaseSettings, work: (database: Database) => Promise<void>): Promise<void> {
  const database = openDatabase({ ...owner, applicationName: 'medspa-keys' });
  try {
    await work(database);
  } finally {
    await database.disconnectDatabase();
  }
}

/** Waits until the newest key seals, everywhere. */
async function untilSettled(keys: DataKeyState[], settleMillis: number, say: KeyTask['say']): Promise<void> {
  const from = Math.max(...keys.map(({ usableFrom }) => usableFrom.getTime()));
  const wait = from + settleMillis - Date.now();
  if (wait <= 0) return;
  say(`The newest key seals everywhere from ${new Date(from + settleMillis).toISOString()}; waiting ${Math.ceil(wait / 1_000)} s.`);
  await sleep(wait);
}

function tell(organizationId: string, keys: DataKeyState[], say: KeyTask['say']): void {
  say(organizationId === NO_ORGANIZATION ? 'of no organization' : organizationId);
  for (const { keyId, createdAt, usableFrom, destroyedAt, wrappedBy, sealings, live, audited } of keys) {
    const use = keyId === 0 ? 'hashes, never changes' : `${live} values, ${audited} in the audit log, sealed ${sealings} times`;
    const from = usableFrom > new Date() ? `, seals from ${usableFrom.toISOString()}` : '';
    const state = destroyedAt ? `destroyed ${destroyedAt.toISOString()}` : `wrapped by ${wrappedBy}`;
    say(`  key ${keyId}  ${createdAt.toISOString().slice(0, 10)}  ${state}  ${use}${from}`);
  }
}

/** ENC-6: everything without which the data cannot be read, and how to tell that a copy is right. */
function escrowOf({ ring, kmsKeys }: Encryption): string {
  const lines = [
    'KEEP THIS WHERE NEITHER THE DATABASE NOR ITS BACKUPS ARE: on paper in a safe, or in a vault of another provider.',
    'Whoever has it and a copy of the database reads everything. If it is lost, nobody does.',
    '',
  ];
  if (ring) {
    const numbers = [ring.current, ...[...ring.keys.keys()].filter((number) => number !== ring.current)];
    const hexOf = (number: number) => Buffer.from(ring.keys.get(number) ?? []).toString('hex');
    lines.push('ENCRYPTION_KEY', ...numbers.map((number) => `${number}:${hexOf(number)}`), '');
    lines.push('Give them back in one line with commas between. The check of a copy (SHA-256 of each line, its first 8 digits):');
    lines.push(
      ...numbers.map(
        (number) =>
          `  ${number}: ${createHash('sha256')
            .update(`${number}:${hexOf(number)}`)
            .digest('hex')
            .slice(0, 8)}`,
      ),
    );
    lines.push(`Public key of the anchors of the audit log: ${createSigner(ring).publicKey}`);
  }
  for (const name of kmsKeys)
    lines.push(`KMS_KEY ${name}`, '  is in Google Cloud and cannot be printed: keep its key ring from being deleted, and its project too.');
  return lines.join('\n');
}
