import { sql } from '@medspa/database';
import type { Job } from './jobs.ts';
import { call } from './doors.ts';

/** What the platform's own tables need from time to time. */
export const upkeepJobs: Job[] = [
  {
    name: 'drop-expired-replies',
    cron: '17 * * * *',
    run: async (ctx) => {
      await call(
        ctx,
        { needs: 'organization:write', action: 'upkeep.replies' },
        (session) => sql`SELECT app.drop_expired_replies(${session}::jsonb)`,
      );
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
