import { z } from 'zod';
import { job, type Job } from '../../platform/jobs.ts';
import { sendMessage, type Post } from './service/send.ts';

export function messagingJobs(post: Post): Job[] {
  return [
    // Enqueued by queueing and re-timed by waiting, in their transactions.
    job('send-message', z.object({ organizationId: z.uuid(), messageId: z.uuid() }), (ctx, { messageId }) =>
      sendMessage(ctx, post, messageId),
    ),
  ];
}
