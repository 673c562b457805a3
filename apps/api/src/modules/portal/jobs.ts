import { z } from 'zod';
import { mutate } from '../../platform/doors.ts';
import { job, type Job } from '../../platform/jobs.ts';
import { dropJob } from '../../platform/upkeep.ts';
import { dropPastSignInsVerb } from './queries.ts';
import { sendSignIn } from './service/sign-in.ts';

export const portalJobs: Job[] = [
  // Enqueued by asking, in its transaction, whether or not anybody has the address.
  job('send-sign-in', z.object({ organizationId: z.uuid(), signInId: z.uuid() }), async (ctx, { signInId }) => {
    await mutate(ctx, { needs: 'messaging:write', action: 'portal.send', reply: z.void() }, (tx) => sendSignIn(ctx, tx, signInId));
  }),
  dropJob({ name: 'drop-past-sign-ins', cron: '47 * * * *', action: 'upkeep.sign-ins', drop: dropPastSignInsVerb }),
];
