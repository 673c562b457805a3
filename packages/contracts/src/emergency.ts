import { z } from 'zod';
import { PageQuery } from './page.ts';
import { Id, Instant, multilineText } from './primitives.ts';

/** How long one patient's record is open in an emergency, and within what time somebody else looks into it. */
export const EMERGENCY_MINUTES = 60;
export const REVIEW_HOURS = 72;

const OUTCOMES = ['justified', 'not-justified'] as const;
export type ReviewOutcome = (typeof OUTCOMES)[number];
const Outcome = z.enum(OUTCOMES);

export const EmergencyAccess = z
  .object({
    id: Id,
    staffId: Id.describe('who reads'),
    patientId: Id.describe('whose record'),
    reason: z.string(),
    beginsAt: Instant,
    endsAt: Instant.describe(`${EMERGENCY_MINUTES} minutes later; nothing is read under it from then on`),
    reviewDueAt: Instant,
    isOverdue: z.boolean().describe('nobody has reviewed it in time'),
    review: z.object({ at: Instant, staffId: Id.describe('who reviewed it'), outcome: Outcome, note: z.string() }).nullable(),
  })
  .meta({ id: 'EmergencyAccess' });
export type EmergencyAccess = z.infer<typeof EmergencyAccess>;

export const OpenEmergencyAccess = z.strictObject({
  patientId: Id,
  reason: multilineText(1_000)
    .min(10)
    .describe('why the record is needed now; stored encrypted, shown to whoever reviews')
    .meta({ examples: ['Swelling after filler, she is on the phone and her provider is away.'] }),
});
export type OpenEmergencyAccess = z.infer<typeof OpenEmergencyAccess>;

export const EmergencyAccessQuery = z.strictObject({
  state: z.enum(['to-review', 'reviewed']).optional().describe('both unless told'),
  limit: PageQuery.shape.limit,
  cursor: PageQuery.shape.cursor,
});
export type EmergencyAccessQuery = z.infer<typeof EmergencyAccessQuery>;

export const ReviewEmergencyAccess = z.strictObject({
  outcome: Outcome,
  note: multilineText(2_000)
    .describe('what was found; stored encrypted')
    .meta({ examples: ['Called the provider: it was as she says.'] }),
});
export type ReviewEmergencyAccess = z.infer<typeof ReviewEmergencyAccess>;
