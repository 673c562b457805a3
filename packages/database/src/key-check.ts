import { createCodec, type KeyRing, type Place } from './codec.ts';
import type { Database } from './database.ts';

const MARK = 'medspa';

/**
 * Throws a sentence for the operator when these are not the keys of this database: a value that was sealed with a lost key
 * would open never again, and one sealed with a wrong key only beside it. The key that seals leaves its mark, a constant sealed
 * with it, by which later starts know it. One that only opens leaves none: while a second key is handed out, processes that do
 * not have it yet must still be able to start.
 */
export async function assertKeysFit({ prisma }: Database, ring: KeyRing): Promise<void> {
  const known = await knownKeys(prisma, ring);
  if (known.has(ring.current)) return;
  const mark = createCodec(ring).seal(placeOf(ring.current), MARK);
  await prisma.$executeRaw`INSERT INTO key_check (key_id, mark_sealed) VALUES (${ring.current}, ${mark}) ON CONFLICT DO NOTHING`;
  // Another process may have been first, with another key.
  await knownKeys(prisma, ring);
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
