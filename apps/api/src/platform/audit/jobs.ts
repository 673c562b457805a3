import { sql } from '@medspa/database';
import type { Ctx } from '../context.ts';
import { call } from '../doors.ts';
import type { Job } from '../jobs.ts';
import type { Metrics } from '../metrics.ts';
import type { Head, Signer } from './anchor.ts';
import type { AnchorStore } from './anchor-store.ts';

/** Rows of a log that one statement seals, well below its limit of eight seconds. */
const ROWS_AT_ONCE = 100_000;
/** A head is anchored when so many rows were sealed since its last anchor ... */
const ROWS_BETWEEN = 1_000;
/** ... or so much time is over. A little less than five minutes, since the minute that the job runs in is not exact. */
const MILLIS_BETWEEN = 5 * 60_000 - 15_000;

/** How anchors are signed, and where they are kept. */
export type Anchoring = { signer: Signer; store: AnchorStore };

type Sealed = { sealed: number; isBehind: boolean; waitingSeconds: number };
/** What was anchored last of each log, by organization. */
type Anchored = Map<string, { sequence: number; count: number; at: number }>;

/**
 * Seals both logs every minute, then anchors the heads that are due. What was anchored is remembered by this process alone: another
 * one, or this one after a restart, anchors a head again, which proves the same.
 */
export function auditJobs(metrics: Pick<Metrics, 'sealed'>, anchoring: Anchoring | null): Job[] {
  const anchored: Anchored = new Map();
  return [
    {
      name: 'seal-logs',
      cron: '* * * * *',
      run: async (ctx) => {
        const waiting = await sealAll(ctx);
        if (waiting === null) return;
        metrics.sealed(waiting);
        if (anchoring) await anchorDue(ctx, anchoring, anchored);
      },
    },
  ];
}

/** Returns for how many seconds the oldest row waits that cannot be sealed yet; null when another process is sealing. */
async function sealAll(ctx: Ctx): Promise<number | null> {
  for (;;) {
    const { result } = await call(
      ctx,
      { needs: 'organization:write', action: 'upkeep.seal' },
      (session) => sql<{ result: Sealed | null }>`SELECT app.seal_logs(${session}::jsonb, ${ROWS_AT_ONCE}::int) AS result`,
    );
    if (!result?.isBehind) return result?.waitingSeconds ?? null;
  }
}

async function anchorDue(ctx: Ctx, { signer, store }: Anchoring, anchored: Anchored): Promise<void> {
  const { heads } = await call(
    ctx,
    { needs: 'organization:write', action: 'upkeep.anchor' },
    (session) => sql<{ heads: Head[] }>`SELECT app.seal_heads(${session}::jsonb) AS heads`,
  );
  const now = ctx.now();
  const due = heads.filter((head) => isDue(head, anchored, now));
  if (due.length === 0) return;
  await store(due.map((head) => signer.sign(head, now)));
  for (const head of due) anchored.set(nameOf(head), { sequence: head.sequence, count: head.count, at: now.getTime() });
}

function isDue(head: Head, anchored: Anchored, now: Date): boolean {
  const last = anchored.get(nameOf(head));
  if (!last) return true;
  return head.sequence > last.sequence && (head.count - last.count >= ROWS_BETWEEN || now.getTime() - last.at >= MILLIS_BETWEEN);
}

function nameOf({ organization, log }: Head): string {
  return `${organization}/${log}`;
}
