import { sql } from '@medspa/database';
import type { Job } from './jobs.ts';
import { call } from './doors.ts';

/** A statement that removes this many stays well below its limit of eight seconds. */
const REPLIES_AT_ONCE = 5_000;
const LIMITS_AT_ONCE = 5_000;

/** Removes what is past use in transactions of at most this many rows, until one finds fewer. */
export async function inRounds(atOnce: number, drop: (most: number) => Promise<number>): Promise<void> {
  while ((await drop(atOnce)) === atOnce);
}

/** What the platform's own tables need from time to time. */
export const upkeepJobs: Job[] = [
  {
    name: 'drop-expired-replies',
    cron: '17 * * * *',
    run: async (ctx) => {
      const verb = { needs: 'organization:write', action: 'upkeep.replies' } as const;
      await inRounds(REPLIES_AT_ONCE, async (most) => {
        const { dropped } = await call(
          ctx,
          verb,
          (session) => sql<{ dropped: number }>`SELECT app.drop_expired_replies(${session}::jsonb, ${most}::int) AS dropped`,
        );
        return dropped;
      });
    },
  },
  {
    name: 'drop-idle-limits',
    cron: '47 * * * *',
    run: async (ctx) => {
      const verb = { needs: 'organization:write', action: 'upkeep.limits' } as const;
      await inRounds(LIMITS_AT_ONCE, async (most) => {
        const { dropped } = await call(
          ctx,
          verb,
          (session) => sql<{ dropped: string }>`SELECT app.drop_idle_limits(${session}::jsonb, ${most}::int) AS dropped`,
        );
        return Number(dropped);
      });
    },
  },
  {
    name: 'ensure-log-months',
    cron: '23 2 * * *',
    run: async (ctx) => {
      await call(
        ctx,
        { needs: 'organization:write', action: 'upkeep.logs' },
        (session) => sql`SELECT app.ensure_log_months(${session}::jsonb, ${12}::int)`,
      );
    },
  },
];
