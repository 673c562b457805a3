import { eventually, sessionIn, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';

/**
 * Sends requests that change who may do what: all of them begin, and each waits for the one before. Somebody else holds the organization
 * until then.
 */
export async function oneAfterTheOther<Reply>(
  t: TestDatabase,
  organizationId: string,
  requests: (() => Promise<Reply>)[],
): Promise<Reply[]> {
  const answers: Promise<Reply>[] = [];
  await t.database.withTransaction(sessionIn(organizationId, newId()), async (tx) => {
    await tx.$queryRaw`SELECT FROM organization WHERE id = ${organizationId}::uuid FOR UPDATE`;
    for (const send of requests) {
      answers.push(send());
      await eventually('the request waits', async () => (await waiting(t)) === answers.length);
    }
  });
  return Promise.all(answers);
}

async function waiting(t: TestDatabase): Promise<number> {
  const rows = await t.look(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FROM organization%FOR NO KEY UPDATE%'`,
  );
  return rows.length;
}
