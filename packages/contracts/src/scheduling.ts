import { z } from 'zod';
import { Staff } from './identity.ts';
import { MAX_ROWS, pageOf, PageQuery } from './page.ts';
import { Id, Instant, multilineText, PlainDate, text, Version, WallTime, WhenInput, wholeNumberIn } from './primitives.ts';

// ── rooms ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const Room = z
  .object({ id: Id, locationId: Id, roomTypeId: Id, name: z.string(), position: z.int(), isActive: z.boolean(), version: Version })
  .meta({ id: 'Room' });
const position = z.int().min(0).max(10_000).describe('rooms are given out in this order');
export const CreateRoom = z.strictObject({ locationId: Id, roomTypeId: Id, name: text(80), position: position.optional() });
export type CreateRoom = z.infer<typeof CreateRoom>;
export const UpdateRoom = z.strictObject({
  name: text(80).optional(),
  position: position.optional(),
  isActive: z.boolean().optional(),
  version: Version,
});
export type UpdateRoom = z.infer<typeof UpdateRoom>;

// ── shifts ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const Shift = z.strictObject({
  week: z.int().min(0).max(7).describe('week of the rotation, from 0'),
  weekday: z.int().min(1).max(7).describe('1 Monday to 7 Sunday'),
  startsAt: WallTime,
  endsAt: WallTime,
});
export type Shift = z.infer<typeof Shift>;

export const ShiftRotation = z
  .object({
    id: Id,
    providerId: Id,
    locationId: Id,
    weeks: z.int(),
    anchorDate: z.string(),
    effectiveFrom: z.string(),
    effectiveUntil: z.string().nullable(),
    version: Version,
    shifts: z.array(Shift),
  })
  .meta({ id: 'ShiftRotation' });

/** What `ShiftRotation` is after its end was set, and what that strands. */
export const EndedShiftRotation = ShiftRotation.extend({
  uncovered: z.int().describe('visits still to happen there from that date on that no shift of the provider covers'),
  uncoveredAppointmentIds: z
    .array(Id)
    .describe(`the first ${MAX_ROWS} of them, by time: to be moved, or covered by the weeks that come next`),
}).meta({ id: 'EndedShiftRotation' });

export const CreateShiftRotation = z
  .strictObject({
    providerId: Id,
    locationId: Id,
    weeks: z.int().min(1).max(8).describe('how many weeks until the pattern repeats'),
    anchorDate: PlainDate.optional().describe('a Monday on which week 0 begins; the Monday of effectiveFrom unless told'),
    effectiveFrom: PlainDate,
    effectiveUntil: PlainDate.optional().describe('first date on which it no longer holds'),
    shifts: z.array(Shift).min(1).max(400),
  })
  .superRefine((rotation, check) => {
    for (const [index, shift] of rotation.shifts.entries()) {
      if (shift.week >= rotation.weeks)
        check.addIssue({ code: 'custom', path: ['shifts', index, 'week'], message: 'The rotation has fewer weeks.' });
      if (shift.endsAt <= shift.startsAt)
        check.addIssue({ code: 'custom', path: ['shifts', index, 'endsAt'], message: 'Ends before it starts.' });
    }
    if (rotation.effectiveUntil && rotation.effectiveUntil <= rotation.effectiveFrom) {
      check.addIssue({ code: 'custom', path: ['effectiveUntil'], message: 'Ends before it starts.' });
    }
    if (rotation.anchorDate && new Date(`${rotation.anchorDate}T00:00:00Z`).getUTCDay() !== 1) {
      check.addIssue({ code: 'custom', path: ['anchorDate'], message: 'Not a Monday.' });
    }
  });
export type CreateShiftRotation = z.infer<typeof CreateShiftRotation>;

export const EndShiftRotation = z.strictObject({
  effectiveUntil: PlainDate.describe('first date on which it no longer holds'),
  version: Version,
});
export type EndShiftRotation = z.infer<typeof EndShiftRotation>;

export const ShiftRotationQuery = z.strictObject({
  providerId: Id.optional(),
  locationId: Id.optional(),
  limit: PageQuery.shape.limit,
  cursor: PageQuery.shape.cursor,
});
export type ShiftRotationQuery = z.infer<typeof ShiftRotationQuery>;

// ── availability ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Longest window of one question. */
export const MAX_AVAILABILITY_DAYS = 62;

export const AvailabilityQuery = z.strictObject({
  locationId: Id,
  serviceId: Id,
  from: PlainDate.optional().describe("first day, of the location's calendar; today there unless told"),
  to: PlainDate.optional().describe(`last day, at most ${MAX_AVAILABILITY_DAYS} with the first one; a week unless told`),
  providerId: Id.optional(),
  patientId: Id.optional().describe('leave out times when the patient is somewhere else'),
});
export type AvailabilityQuery = z.infer<typeof AvailabilityQuery>;

export const Availability = z
  .object({
    timeZone: z.string(),
    from: PlainDate,
    to: PlainDate,
    providers: z.array(z.object({ providerId: Id, starts: z.array(Instant) })),
  })
  .meta({ id: 'Availability' });

// ── appointments ─────────────────────────────────────────────────────────────────────────────────────────────────────

export const APPOINTMENT_STATUSES = [
  'booked',
  'confirmed',
  'arrived',
  'roomed',
  'numbing',
  'treating',
  'checkout',
  'left',
  'cancelled',
  'no_show',
] as const;
export type AppointmentStatus = (typeof APPOINTMENT_STATUSES)[number];

type Transition = {
  from: readonly AppointmentStatus[];
  to: AppointmentStatus;
  /** not before the visit's local day, or not before its start */
  notBefore: 'day' | 'start' | null;
  /** what becomes of the claims: provider, room and patient are given back, or taken (again) */
  claims: 'kept' | 'freed' | 'taken';
};

/**
 * What may be done to an appointment, from which statuses, from when on, and where it leads. The server's refusal and the reason
 * that a disabled button shows both come from here. Whoever moves a visit asks for another confirmation: the old one was for
 * another time.
 */
export const APPOINTMENT_ACTIONS = {
  confirm: { from: ['booked'], to: 'confirmed', notBefore: null, claims: 'kept' },
  arrive: { from: ['booked', 'confirmed'], to: 'arrived', notBefore: 'day', claims: 'kept' },
  room: { from: ['arrived'], to: 'roomed', notBefore: 'day', claims: 'kept' },
  numb: { from: ['roomed'], to: 'numbing', notBefore: 'day', claims: 'kept' },
  treat: { from: ['roomed', 'numbing'], to: 'treating', notBefore: 'day', claims: 'kept' },
  checkout: { from: ['treating'], to: 'checkout', notBefore: 'day', claims: 'kept' },
  leave: { from: ['checkout'], to: 'left', notBefore: 'day', claims: 'kept' },
  'mark-no-show': { from: ['booked', 'confirmed'], to: 'no_show', notBefore: 'start', claims: 'freed' },
  'undo-no-show': { from: ['no_show'], to: 'booked', notBefore: null, claims: 'taken' },
  reschedule: { from: ['booked', 'confirmed'], to: 'booked', notBefore: null, claims: 'taken' },
  cancel: { from: ['booked', 'confirmed', 'arrived'], to: 'cancelled', notBefore: null, claims: 'freed' },
} as const satisfies Record<string, Transition>;
export type AppointmentAction = keyof typeof APPOINTMENT_ACTIONS;

const CHANNELS = ['desk', 'phone', 'online', 'import'] as const;
const Channel = z.enum(CHANNELS);

const REASONS = [
  'patient_request',
  'patient_unwell',
  'provider_unavailable',
  'room_unavailable',
  'clinic_closed',
  'booked_in_error',
  'other',
] as const;
const Reason = z.enum(REASONS);

const AppointmentService = z.object({ id: Id, serviceId: Id, providerId: Id, roomId: Id.nullable(), startsAt: Instant, endsAt: Instant });

export const Appointment = z
  .object({
    id: Id,
    locationId: Id,
    patientId: Id,
    status: z.enum(APPOINTMENT_STATUSES),
    startsAt: Instant,
    endsAt: Instant,
    channel: Channel,
    cancelReason: Reason.nullable(),
    version: Version,
    services: z.array(AppointmentService),
  })
  .meta({ id: 'Appointment' });
export type Appointment = z.infer<typeof Appointment>;

/** What somebody leaves behind who was off-boarded. */
export const OffBoarded = z
  .object({
    staff: Staff,
    providerId: Id.nullable(),
    upcoming: pageOf(Appointment)
      .nullable()
      .describe(
        'their visits that are not over; more and later: GET /v1/providers/{id}/appointments. Null for who is no provider, or may not be read',
      ),
  })
  .meta({ id: 'OffBoarded' });

const note = multilineText(2_000).optional().describe('free text; stored encrypted');

export const BookAppointment = z.strictObject({
  locationId: Id,
  patientId: Id,
  startsAt: WhenInput,
  services: z
    .array(z.strictObject({ serviceId: Id, providerId: Id, roomId: Id.optional().describe('any free room of the right kind unless told') }))
    .min(1)
    .max(8)
    .describe('performed one after the other'),
  channel: Channel.default('desk'),
  note,
});
export type BookAppointment = z.infer<typeof BookAppointment>;

export const RescheduleAppointment = z.strictObject({
  startsAt: WhenInput,
  assignments: z
    .array(z.strictObject({ id: Id.describe('the service within the appointment'), providerId: Id.optional(), roomId: Id.optional() }))
    .max(8)
    .superRefine((assignments, check) => {
      for (const [index, { id }] of assignments.entries()) {
        if (assignments.findIndex((other) => other.id === id) < index)
          check.addIssue({ code: 'custom', path: [index, 'id'], message: 'Named twice.' });
      }
    })
    .default([])
    .describe('other providers or rooms; what is not named stays as it is'),
  reason: Reason,
  channel: Channel.default('desk'),
  note,
  version: Version,
});
export type RescheduleAppointment = z.infer<typeof RescheduleAppointment>;

export const CancelAppointment = z.strictObject({ reason: Reason, channel: Channel.default('desk'), note, version: Version });
export type CancelAppointment = z.infer<typeof CancelAppointment>;

export const MoveAppointmentOn = z.strictObject({
  action: z.enum(['confirm', 'arrive', 'room', 'numb', 'treat', 'checkout', 'leave', 'mark-no-show', 'undo-no-show']),
  channel: Channel.default('desk'),
  note,
  version: Version,
});
export type MoveAppointmentOn = z.infer<typeof MoveAppointmentOn>;

export const HistoryQuery = z.strictObject({
  after: wholeNumberIn(0, Number.MAX_SAFE_INTEGER).default(0).describe('the last version that the caller has seen'),
  limit: wholeNumberIn(1, MAX_ROWS).optional().describe('changes in the answer, 100 unless told'),
});
export type HistoryQuery = z.infer<typeof HistoryQuery>;

export const AppointmentHistory = z
  .object({
    items: z.array(
      z.object({
        version: Version,
        at: Instant,
        actorKind: z.string(),
        actorId: Id,
        action: z.string(),
        channel: z.string(),
        reason: z.string().nullable(),
        note: z.string().nullable(),
        status: z.enum(APPOINTMENT_STATUSES),
        startsAt: Instant,
        endsAt: Instant,
        services: z.array(AppointmentService),
      }),
    ),
  })
  .meta({ id: 'AppointmentHistory' });

// ── the day and what happens in it ───────────────────────────────────────────────────────────────────────────────────

export const DayQuery = z.strictObject({
  date: PlainDate.optional().describe("a day of the location's calendar; today there unless told"),
});

export const LocationDay = z
  .object({
    timeZone: z.string(),
    date: PlainDate,
    sequence: z.int().describe('of the last event that this answer shows: follow the events of the location after it'),
    appointments: z.array(
      z.object({
        id: Id,
        status: z.enum(APPOINTMENT_STATUSES),
        startsAt: Instant,
        endsAt: Instant,
        channel: Channel,
        cancelReason: Reason.nullable(),
        version: Version,
        hasNote: z.boolean().describe('the history has a note'),
        patient: z.object({ id: Id, name: z.string(), pronouns: z.string().nullable() }),
        services: z.array(
          z.object({
            id: Id,
            serviceId: Id,
            serviceName: z.string(),
            providerId: Id,
            providerName: z.string(),
            roomId: Id.nullable(),
            roomName: z.string().nullable(),
            startsAt: Instant,
            endsAt: Instant,
          }),
        ),
      }),
    ),
  })
  .meta({ id: 'LocationDay' });

export const EventsQuery = z.strictObject({
  after: wholeNumberIn(0, Number.MAX_SAFE_INTEGER).default(0).describe('the last sequence number that the caller has seen'),
  limit: wholeNumberIn(1, MAX_ROWS).optional().describe('events in the answer, 100 unless told'),
});
export type EventsQuery = z.infer<typeof EventsQuery>;

/** Times and statuses, nothing of a person: who is told of an event asks for what they may see. */
const EventPayload = z.object({
  version: Version,
  status: z.enum(APPOINTMENT_STATUSES).optional(),
  startsAt: z.string(),
  endsAt: z.string().optional(),
});

export const LocationEvents = z
  .object({
    items: z.array(z.object({ sequence: z.int(), type: z.string(), subjectId: Id, payload: EventPayload, at: Instant })),
  })
  .meta({ id: 'LocationEvents' });
export type LocationEvents = z.output<typeof LocationEvents>;
