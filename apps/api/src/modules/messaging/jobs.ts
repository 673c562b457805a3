import { z } from 'zod';
import { job, type Job } from '../../platform/jobs.ts';
import type { Senders } from '../../platform/senders/index.ts';
import { sendMessage } from './service/send.ts';

export function messagingJobs(senders: Senders): Job[] {
  return [
    // Enqueued by queueing and re-timed by waiting, in their transactions.
    job('send-message', z.object({ organizationId: z.uuid(), messageId: z.uuid() }), (ctx, { messageId }) =>
      sendMessage(ctx, senders, messageId),
    ),
  ];
}
