import { sql } from '@medspa/database';
import type { Job } from './jobs.ts';
import { call } from './doors.ts';

/** A statement that removes this many stays well below its limit of eight seconds. */
const REPLIES_AT_ONCE = 5_000;

/** What the platform's own tables need from time to time. */
export const upkeepJobs: Job[] = [
  {
    name: 'drop-expired-replies',
    cron: '17 * * * *',
    run: async (ctx) => {
      const verb = { needs: 'organization:write', action: 'upkeep.replies' } as const;
      for (let dropped = REPLIES_AT_ONCE; dropped === REPLIES_AT_ONCE;) {
        ({ dropped } = await call(
          ctx,
          verb,
          (session) => sql<{ dropped: number }>`SELECT app.drop_expired_replies(${session}::jsonb, ${REPLIES_AT_ONCE}::int) AS dropped`,
        ));
      }
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
