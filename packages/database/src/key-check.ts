import { createCodec, type KeyRing, type Place } from './codec.ts';
import type { Database } from './database.ts';

const MARK = 'medspa';

/**
 * Throws a sentence for the operator when these are not the keys of this database: a value that was sealed with a lost key
 * would open never again, and one sealed with a wrong key only beside it. A key that the database has not seen yet leaves its
 * mark, a constant sealed with it, by which later starts know it.
 */
export async function assertKeysFit({ prisma }: Database, ring: KeyRing): Promise<void> {
  const known = await knownKeys(prisma, ring);
  const added = [...ring.keys.keys()].filter((keyId) => !known.has(keyId));
  for (const keyId of added) {
    const mark = createCodec({ ...ring, current: keyId }).seal(placeOf(keyId), MARK);
    await prisma.$executeRaw`INSERT INTO key_check (key_id, mark_sealed) VALUES (${keyId}, ${mark}) ON CONFLICT DO NOTHING`;
  }
  // Another process may have been first, with another key.
  if (added.length > 0) await knownKeys(prisma, ring);
}

/** Ids of the keys that the database was given before. Throws when the ring lacks one or holds another in its place. */
async function knownKeys(prisma: Database['prisma'], ring: KeyRing): Promise<Set<number>> {
  const codec = createCodec(ring);
  const marks = await prisma.keyCheck.findMany();
  for (const { keyId, markSealed } of marks) {
    try {
      codec.open(placeOf(keyId), markSealed);
    } catch {
      throw new Error(
        `Key ${keyId} of the encryption is not the one that this database was filled with. Give ENCRYPTION_KEY or ENCRYPTION_KEY_FILE the right one: what another key sealed, this one cannot open.`,
      );
    }
  }
  return new Set(marks.map(({ keyId }) => keyId));
}

function placeOf(keyId: number): Place {
  return { organizationId: '', table: 'key_check', column: 'mark_sealed', rowId: String(keyId) };
}
