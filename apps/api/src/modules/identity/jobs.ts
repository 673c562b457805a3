import { call } from '../../platform/doors.ts';
import { z } from 'zod';
import { job, type Job } from '../../platform/jobs.ts';
import { inRounds } from '../../platform/upkeep.ts';
import { dropIdleGuardsVerb } from './queries/sign-in.ts';
import { sendInvitation, type LinkParts } from './service/invitations.ts';

const GUARDS_AT_ONCE = 5_000;

const INVITATION = z.object({ organizationId: z.uuid(), invitationId: z.uuid() });

export function identityJobs(parts: LinkParts): Job[] {
  return [
    // Enqueued by whoever invites, in the same transaction.
    job('send-invitation', INVITATION, (ctx, { invitationId }) => sendInvitation(ctx, parts, invitationId)),
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
