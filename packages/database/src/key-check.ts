import { addDataKeys, FIRST_KEY, INDEX_KEY, keySession, newKeys, NO_ORGANIZATION } from './codec.ts';
import type { Database } from './database.ts';
import { sql } from './sql.ts';
import { WrongWrapping, type Wrapping } from './wrapping.ts';

type Sample = { organizationId: string; keyId: number; wrappedBy: string; wrapped: string };

/**
 * Throws a sentence for the operator when this is not what wrapped the keys of this database: what is sealed could not be opened, and
 * what would be sealed from now on could be opened only beside it. A wrapping key that is to wrap from now on leaves its mark, a data
 * key of no organization, by which later starts know it. One that only unwraps leaves none: while a second key is handed out,
 * processes that do not have it yet must still be able to start.
 */
export async function assertKeysFit(database: Pick<Database, 'callFunction'>, wrapping: Wrapping): Promise<void> {
  const samples = await fittingSamples(database, wrapping);
  const marks = samples.filter(({ organizationId }) => organizationId === NO_ORGANIZATION).map(({ keyId }) => keyId);
  const wanted = marks.length === 0 ? [INDEX_KEY, FIRST_KEY] : [Math.max(...marks, FIRST_KEY) + 1];
  const keys = await newKeys(wrapping, NO_ORGANIZATION, wanted);
  if (samples.some(({ wrappedBy }) => keys.some((key) => key.wrappedBy === wrappedBy))) return;
  await addDataKeys(database, NO_ORGANIZATION, keys);
  // Another process may have been first, with another key.
  await fittingSamples(database, wrapping);
}

/** A wrapped key of each that wrapped one, all of which unwrap. */
async function fittingSamples(database: Pick<Database, 'callFunction'>, wrapping: Wrapping): Promise<Sample[]> {
  const [row] = await database.callFunction(
    keySession(NO_ORGANIZATION, 'data-key.check'),
    (session) => sql<{ samples: Sample[] }>`SELECT app.find_wrapping_samples(${session}::jsonb) AS samples`,
  );
  const samples = row?.samples ?? [];
  for (const { wrapped, wrappedBy, ...place } of samples) {
    try {
      await wrapping.unwrap(place, { wrappedBy, wrapped: Buffer.from(wrapped, 'hex') });
    } catch (error) {
      if (!(error instanceof WrongWrapping)) throw error;
      throw new Error(
        `${error.message} Give ENCRYPTION_KEY, ENCRYPTION_KEY_FILE or KMS_KEY the right one: what another key sealed, this one cannot open.`,
        { cause: error },
      );
    }
  }
  return samples;
}
