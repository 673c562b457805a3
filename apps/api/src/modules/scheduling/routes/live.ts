import { EventStreamText, FollowHeader, FollowQuery } from '@medspa/contracts';
import { answerStream, dropConnection } from '../../../platform/event-stream.ts';
import { createRoute, IdParam, problems, router } from '../../../platform/http.ts';
import { beginFollowing } from '../service/live.ts';

export const liveRoutes = router().openapi(
  createRoute({
    method: 'get',
    path: '/locations/{id}/events/stream',
    needs: 'appointment:read',
    limit: 'read',
    tags: ['Calendar'],
    summary: 'What happens at a location, as it happens',
    description:
      'Server-sent events. `change` has a number as its id and an item of `LocationEvents` as its data; numbers have no gaps. `reload` ' +
      'says that what was missed is not told: read the day again. Read the day first and follow `since` its `sequence`; a browser that ' +
      'comes back says by itself what it has seen. The stream ends with the session, and waiting for events does not keep one alive.',
    request: { params: IdParam, query: FollowQuery, headers: FollowHeader },
    responses: {
      200: { description: 'Events, until the client leaves', content: { 'text/event-stream': { schema: EventStreamText } } },
      ...problems('not-found'),
    },
  }),
  async (c) => {
    const [ctx, { headers }] = [c.get('ctx'), c.req.raw];
    const seen = c.req.valid('header')['last-event-id'] ?? c.req.valid('query').since ?? null;
    const beginning = await beginFollowing(ctx, c.req.valid('param').id, seen);
    const listener = { ctx, headers, operation: `${c.req.method} ${c.req.path}`, drop: () => dropConnection(c) };
    return answerStream(c, c.get('live').follow(listener, beginning));
  },
);
