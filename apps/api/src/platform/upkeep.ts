import { sql, type Session, type SqlText } from '@medspa/database';
import type { Ctx } from './context.ts';
import { call } from './doors.ts';
import type { Job } from './jobs.ts';

/** A statement that removes this many stays well below its limit of eight seconds. */
const AT_ONCE = 5_000;

/** What goes when: `drop` removes at most so many rows that are past use, of all organizations, and says how many. */
type Drop = {
  name: string;
  cron: string;
  action: string;
  atOnce?: number;
  drop: (session: Session, most: number) => SqlText<{ dropped: number }>;
};

/** A job that removes what is past use, a transaction a round, until a round finds fewer rows than it may remove. */
export function dropJob({ name, cron, action, atOnce = AT_ONCE, drop }: Drop): Job {
  const round = async (ctx: Ctx) => {
    const { dropped } = await call(ctx, { needs: 'organization:write', action }, (session) => drop(session, atOnce));
    return dropped === atOnce;
  };
  return {
    name,
    cron,
    run: async (ctx) => {
      while (await round(ctx));
    },
  };
}

/** What the platform's own tables need from time to time. */
export const upkeepJobs: Job[] = [
  dropJob({
    name: 'drop-expired-replies',
    cron: '17 * * * *',
    action: 'upkeep.replies',
    drop: (session, most) => sql<{ dropped: number }>`SELECT app.drop_expired_replies(${session}::jsonb, ${most}::int) AS dropped`,
  }),
  dropJob({
    name: 'drop-idle-limits',
    cron: '47 * * * *',
    action: 'upkeep.limits',
    drop: (session, most) => sql<{ dropped: number }>`SELECT app.drop_idle_limits(${session}::jsonb, ${most}::int) AS dropped`,
  }),
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
