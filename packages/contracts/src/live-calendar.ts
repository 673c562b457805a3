import { z } from 'zod';
import { Id, Instant, text, wholeNumberIn } from './primitives.ts';

const Seen = wholeNumberIn(0, Number.MAX_SAFE_INTEGER);

export const FollowQuery = z.strictObject({
  since: Seen.optional().describe('the last event that the caller has seen, such as `sequence` of the day; `Last-Event-ID` goes before it'),
});
export type FollowQuery = z.infer<typeof FollowQuery>;

/** What a browser sends by itself when it comes back. */
export const FollowHeader = z.object({
  'last-event-id': Seen.optional().describe('the last event that was received'),
});

/** Text, since the answer goes on. What a `change` holds is an item of `LocationEvents`. */
export const EventStreamText = z.string().meta({
  description: 'server-sent events: `change` with an item of `LocationEvents` as data, `reload` when the day has to be read again',
  examples: ['event: change\nid: 42\ndata: {"sequence":42,"type":"appointment.book"}\n\n'],
});

export const CalendarFeed = z
  .object({
    id: Id,
    name: z.string(),
    createdAt: Instant,
    revokedAt: Instant.nullable(),
  })
  .meta({ id: 'CalendarFeed' });
export type CalendarFeed = z.infer<typeof CalendarFeed>;

export const CreateCalendarFeed = z.strictObject({ name: text(80).describe('what reads it, such as a phone') });
export type CreateCalendarFeed = z.infer<typeof CreateCalendarFeed>;

export const NewCalendarFeed = CalendarFeed.extend({
  url: z.string().meta({
    description: 'for a calendar app to subscribe to; shown this once. Whoever has it can read it',
    examples: [`https://api.clinic.example/feeds/0192f0c4-7a2e-7000-8000-00000000a001.${'A'.repeat(43)}.ics`],
  }),
}).meta({ id: 'NewCalendarFeed' });
export type NewCalendarFeed = z.infer<typeof NewCalendarFeed>;
