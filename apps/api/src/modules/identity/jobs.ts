import { call } from '../../platform/doors.ts';
import type { Job } from '../../platform/jobs.ts';
import { inRounds } from '../../platform/upkeep.ts';
import { dropIdleGuardsVerb } from './queries/sign-in.ts';

const GUARDS_AT_ONCE = 5_000;

export const identityJobs: Job[] = [
  {
    name: 'drop-idle-guards',
    cron: '41 * * * *',
    run: async (ctx) => {
      await inRounds(GUARDS_AT_ONCE, async (most) => {
        const { dropped } = await call(ctx, { needs: 'organization:write', action: 'upkeep.guards' }, (session) =>
          dropIdleGuardsVerb(session, most),
        );
        return Number(dropped);
      });
    },
  },
];
