import { z } from 'zod';
import { call } from '../../platform/doors.ts';
import { job, type Job } from '../../platform/jobs.ts';
import { inRounds } from '../../platform/upkeep.ts';
import { dropPastChallengesVerb } from './queries/passkeys.ts';
import { dropIdleGuardsVerb } from './queries/sign-in.ts';
import { sendInvitation } from './service/invitations.ts';
import { sendReset, type LinkParts } from './service/password-reset.ts';

const AT_ONCE = 5_000;

const INVITATION = z.object({ organizationId: z.uuid(), invitationId: z.uuid() });
const RESET = z.object({ organizationId: z.uuid(), loginKey: z.string().regex(/^[0-9a-f]{32}$/), askedAt: z.coerce.date() });

export function identityJobs(parts: LinkParts): Job[] {
  return [
    // Enqueued by whoever invites, in the same transaction.
    job('send-invitation', INVITATION, (ctx, { invitationId }) => sendInvitation(ctx, parts, invitationId)),
    // Enqueued by whoever asks, for addresses that nobody has as well.
    job('send-password-reset', RESET, (ctx, asked) => sendReset(ctx, parts, asked)),
    {
      name: 'drop-idle-guards',
      cron: '41 * * * *',
      run: async (ctx) => {
        await inRounds(AT_ONCE, async (most) => {
          const { dropped } = await call(ctx, { needs: 'organization:write', action: 'upkeep.guards' }, (session) =>
            dropIdleGuardsVerb(session, most),
          );
          return Number(dropped);
        });
      },
    },
    {
      name: 'drop-past-challenges',
      cron: '11 * * * *',
      run: async (ctx) => {
        await inRounds(AT_ONCE, async (most) => {
          const { dropped } = await call(ctx, { needs: 'organization:write', action: 'upkeep.challenges' }, (session) =>
            dropPastChallengesVerb(session, most),
          );
          return Number(dropped);
        });
      },
    },
  ];
}
