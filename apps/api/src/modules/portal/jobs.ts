import { z } from 'zod';
import { call, mutate } from '../../platform/doors.ts';
import { job, type Job } from '../../platform/jobs.ts';
import { inRounds } from '../../platform/upkeep.ts';
import { dropPastSignInsVerb } from './queries.ts';
import { sendSignIn } from './service/sign-in.ts';

const SIGN_INS_AT_ONCE = 5_000;

export const portalJobs: Job[] = [
  // Enqueued by asking, in its transaction, whether or not anybody has the address.
  job('send-sign-in', z.object({ organizationId: z.uuid(), signInId: z.uuid() }), async (ctx, { signInId }) => {
    await mutate(ctx, { needs: 'messaging:write', action: 'portal.send', reply: z.void() }, (tx) => sendSignIn(ctx, tx, signInId));
  }),
  {
    name: 'drop-past-sign-ins',
    cron: '47 * * * *',
    run: async (ctx) => {
      await inRounds(SIGN_INS_AT_ONCE, async (most) => {
        const { dropped } = await call(ctx, { needs: 'organization:write', action: 'upkeep.sign-ins' }, (session) =>
          dropPastSignInsVerb(session, most),
        );
        return Number(dropped);
      });
    },
  },
];
