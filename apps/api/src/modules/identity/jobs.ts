import { z } from 'zod';
import { mutate } from '../../platform/doors.ts';
import { job, type Job } from '../../platform/jobs.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { dropJob } from '../../platform/upkeep.ts';
import { dropPastChallengesVerb } from './queries/passkeys.ts';
import { dropIdleGuardsVerb } from './queries/sign-in.ts';
import { countOverdueReviews, tellReviewer, tellReviewers } from './service/emergency.ts';
import { sendInvitation } from './service/invitations.ts';
import { sendReset, type LinkParts } from './service/password-reset.ts';

const INVITATION = z.object({ organizationId: z.uuid(), invitationId: z.uuid() });
const RESET = z.object({ organizationId: z.uuid(), loginKey: z.string().regex(/^[0-9a-f]{32}$/), askedAt: z.coerce.date() });
const ACCESS = z.object({ organizationId: z.uuid(), accessId: z.uuid() });

export function identityJobs(parts: LinkParts): Job[] {
  return [
    // Enqueued by whoever invites, in the same transaction.
    job('send-invitation', INVITATION, (ctx, { invitationId }) => sendInvitation(ctx, parts, invitationId)),
    // Enqueued by opening an emergency access, in its transaction.
    job('tell-reviewers', ACCESS, async (ctx, { accessId }) => {
      await mutate(ctx, { needs: 'break-glass:review', action: 'emergency-access.tell', reply: z.void() }, (tx) =>
        tellReviewers(ctx, tx, accessId),
      );
    }),
    // Enqueued by that, one for each.
    job('tell-reviewer', ACCESS.extend({ staffId: z.uuid() }), (ctx, { accessId, staffId }) => tellReviewer(ctx, parts, accessId, staffId)),
    // Enqueued by whoever asks, for addresses that nobody has as well.
    job('send-password-reset', RESET, (ctx, asked) => sendReset(ctx, parts, asked)),
    dropJob({ name: 'drop-idle-guards', cron: '41 * * * *', action: 'upkeep.guards', drop: dropIdleGuardsVerb }),
    dropJob({ name: 'drop-past-challenges', cron: '11 * * * *', action: 'upkeep.challenges', drop: dropPastChallengesVerb }),
  ];
}

/** Counts what is overdue, for the alert. */
export function watchReviews(metrics: Pick<Metrics, 'overdueReviews'>): Job {
  return { name: 'watch-reviews', cron: '*/5 * * * *', run: async (ctx) => metrics.overdueReviews(await countOverdueReviews(ctx)) };
}
