import { CalendarFeed, CreateCalendarFeed, NewCalendarFeed, PageQuery, pageOf } from '@medspa/contracts';
import { answerText, createRoute, encode, IdParam, jsonBody, jsonReply, problems, router } from '../../../platform/http.ts';
import { limited } from '../../../platform/rate-limits.ts';
import * as service from '../service/calendar-feeds.ts';

const tags = ['Calendar'];

/** Feeds of whoever asks; `apiUrl` is where they are read. */
export function calendarFeedRoutes(apiUrl: string) {
  return router()
    .openapi(
      createRoute({
        method: 'get',
        path: '/calendar-feeds',
        needs: 'account:read',
        limit: 'read',
        tags,
        summary: 'Calendar feeds of one’s own, without their addresses',
        request: { query: PageQuery },
        responses: { 200: jsonReply('The last one first', pageOf(CalendarFeed)), ...problems('not-found') },
      }),
      async (c) => c.json(encode(c, pageOf(CalendarFeed), await service.listFeeds(c.get('ctx'), c.req.valid('query'))), 200),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/calendar-feeds',
        needs: 'account:secure',
        limit: 'write',
        tags,
        summary: 'Make an address for the calendar app of a provider',
        description:
          'What the provider does until thirty days from now, by the patients’ initials and the service alone (iCalendar). Whoever has the ' +
          'address can read it, until it is revoked or its person is no provider any more.',
        request: { body: jsonBody(CreateCalendarFeed) },
        responses: { 201: jsonReply('The address, shown this once', NewCalendarFeed), ...problems('not-a-provider') },
      }),
      async (c) => c.json(encode(c, NewCalendarFeed, await service.createFeed(c.get('ctx'), c.req.valid('json'), apiUrl)), 201),
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/calendar-feeds/{id}',
        needs: 'account:write',
        limit: 'write',
        tags,
        summary: 'End a calendar feed of one’s own for good',
        request: { params: IdParam },
        responses: { 200: jsonReply('As it is now', CalendarFeed), ...problems('not-found') },
      }),
      async (c) => c.json(encode(c, CalendarFeed, await service.revokeFeed(c.get('ctx'), c.req.valid('param').id)), 200),
    );
}

/**
 * Where calendar apps read a feed: they send no cookie, and the address is all that lets them in. Beside /v1 and not in the API's
 * document, like what providers call: nobody writes a client for it.
 */
export const calendarFeedAddress = router().get('/:address', limited('read'), async (c) =>
  answerText(c, await service.readFeed(c.get('ctx'), c.req.param('address')), 'text/calendar; charset=utf-8'),
);
