import { z } from 'zod';
import { call, mutate } from '../../platform/doors.ts';
import { job, type Job } from '../../platform/jobs.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { inRounds } from '../../platform/upkeep.ts';
import { dropIdleGuardsVerb } from './queries/sign-in.ts';
import { countOverdueReviews, tellReviewer, tellReviewers, type StaffMail } from './service/emergency.ts';

const GUARDS_AT_ONCE = 5_000;

const ACCESS = z.object({ organizationId: z.uuid(), accessId: z.uuid() });

export function identityJobs(parts: StaffMail & { metrics: Pick<Metrics, 'overdueReviews'> }): Job[] {
  return [
    // Enqueued by opening an emergency access, in its transaction.
    job('tell-reviewers', ACCESS, async (ctx, { accessId }) => {
      await mutate(ctx, { needs: 'break-glass:review', action: 'emergency-access.tell', reply: z.void() }, (tx) =>
        tellReviewers(ctx, tx, accessId),
      );
    }),
    // Enqueued by that, one for each.
    job('tell-reviewer', ACCESS.extend({ staffId: z.uuid() }), (ctx, { accessId, staffId }) => tellReviewer(ctx, parts, accessId, staffId)),
    {
      name: 'watch-reviews',
      cron: '*/5 * * * *',
      run: async (ctx) => parts.metrics.overdueReviews(await countOverdueReviews(ctx)),
    },
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
}
