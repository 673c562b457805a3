import { createHash, randomBytes } from 'node:crypto';
import type { Database } from '@medspa/database';
import { v7 as newId } from 'uuid';

/** Longer than any benchmark or load run is idle. */
const HOURS = 12;

/** A hash that no password has. */
const NOBODYS = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** What a request of a signed-in person carries. */
export type SessionHeaders = { cookie: string; 'sec-fetch-site': string };

/**
 * Signs in a person of a made-up clinic past every password, for benchmarks, load, drills and tests of a running service: the rows
 * of a session, as signing in leaves them. The service lets them work in practice mode, where no second factor is needed. Answers with the headers of a browser that has it.
 */
export async function beginPracticeSession(
  database: Database,
  { organizationId, actorId }: { organizationId: string; actorId: string },
): Promise<SessionHeaders> {
  const token = randomBytes(32).toString('base64url');
  const now = new Date();
  const acts = { organizationId, actorKind: 'staff', actorId, requestId: newId(), action: 'practice.session', now };
  const own = { organizationId, staffId: actorId };
  await database.withTransaction({ ...acts, locations: null, patients: null }, async (tx) => {
    await tx.staffAccount.createMany({ data: { ...own, passwordChangedAt: now }, skipDuplicates: true });
    await tx.staffSecret.createMany({ data: { ...own, passwordHash: NOBODYS, passwordIsLong: true }, skipDuplicates: true });
    const id = newId();
    await tx.staffSession.create({
      data: {
        ...own,
        id,
        tokenHash: createHash('sha256').update(token).digest(),
        device: 'other, other',
        idleMinutes: HOURS * 60,
        endsAt: new Date(now.getTime() + HOURS * 3_600_000),
        steppedUpAt: now,
        createdAt: now,
      },
    });
    await tx.staffSessionUse.create({ data: { organizationId, sessionId: id, seenAt: now } });
  });
  return { cookie: `__Host-session=${organizationId}.${token}`, 'sec-fetch-site': 'same-origin' };
}
