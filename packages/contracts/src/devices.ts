import { z } from 'zod';
import { Id, Instant, Phone, PlainDate, text, wrong } from './primitives.ts';
import { APPOINTMENT_STATUSES } from './scheduling.ts';

/** Where patients check in by themselves, and what staff share. */
export const DEVICE_KINDS = ['kiosk', 'shared-device'] as const;
const DeviceKind = z.enum(DEVICE_KINDS);

/** A device of the clinic, as whoever manages them sees it. */
export const Device = z
  .object({
    id: Id,
    locationId: Id,
    kind: DeviceKind,
    name: z.string(),
    createdAt: Instant,
    enrolledAt: Instant.nullable().describe('null until the code was used'),
    seenAt: Instant.nullable().describe('last use, to half a minute'),
    revokedAt: Instant.nullable(),
  })
  .meta({ id: 'Device' });
export type Device = z.infer<typeof Device>;

export const CreateDevice = z.strictObject({ locationId: Id, kind: DeviceKind, name: text(80) });
export type CreateDevice = z.infer<typeof CreateDevice>;

export const NewDevice = Device.extend({
  code: z.string().meta({ description: 'to type on the device, once; shown this once', examples: ['JBSW-Y3DP-EHPK-3PXP'] }),
  codeExpiresAt: Instant,
}).meta({ id: 'NewDevice' });
export type NewDevice = z.infer<typeof NewDevice>;

export const EnrolDevice = z.strictObject({
  code: z
    .string()
    .trim()
    .regex(/^[0-9A-Za-z -]{16,30}$/, wrong('Not an enrolment code.'))
    .meta({ examples: ['JBSW-Y3DP-EHPK-3PXP'] }),
});

/** The device that asks, as it sees itself. */
export const OwnDevice = z
  .object({
    id: Id,
    locationId: Id,
    kind: DeviceKind,
    name: z.string(),
    locationName: z.string(),
    people: z
      .array(z.object({ staffId: Id, givenName: z.string(), familyName: z.string() }))
      .describe('who may come back with their PIN; nobody at a kiosk'),
    isWithPatient: z.boolean().describe('a patient holds it: it opens their check-in and nothing else'),
  })
  .meta({ id: 'OwnDevice' });
export type OwnDevice = z.infer<typeof OwnDevice>;

const Pin = z
  .string()
  .regex(/^\d{6}$/, wrong('Not six digits.'))
  .meta({ description: 'six digits', examples: ['907316'] });

export const ChoosePin = z.strictObject({ pin: Pin });
export const PinChosen = z.object({ setAt: Instant }).meta({ id: 'PinChosen' });

export const UnlockDevice = z.strictObject({ staffId: Id, pin: Pin });
export type UnlockDevice = z.infer<typeof UnlockDevice>;
export const DeviceUnlocked = z.object({ staffId: Id }).meta({ id: 'DeviceUnlocked' });
export const DeviceLocked = z.object({ isLocked: z.literal(true) }).meta({ id: 'DeviceLocked' });
export const HandOver = z.strictObject({ appointmentId: Id });

// ── a patient at a device ────────────────────────────────────────────────────────────────────────────────────────────

export const BeginCheckIn = z
  .strictObject({
    givenName: text(80).describe('legal, or what they are called'),
    familyName: text(80),
    birthDate: PlainDate.optional(),
    phone: Phone.optional(),
  })
  .refine(({ birthDate, phone }) => birthDate !== undefined || phone !== undefined, { error: 'Give a birth date or a phone number.' });
export type BeginCheckIn = z.infer<typeof BeginCheckIn>;

export const CheckIn = z
  .object({
    startsAt: Instant.describe('of the visit'),
    status: z.enum(APPOINTMENT_STATUSES),
    endsAt: Instant.describe('when the device forgets the patient, whatever they do'),
    idleSeconds: z.int().describe('after so long without a touch the screen goes back to its beginning, and ends the check-in'),
  })
  .meta({ id: 'CheckIn' });
export type CheckIn = z.infer<typeof CheckIn>;

export const CheckInEnded = z.object({ isArrived: z.boolean() }).meta({ id: 'CheckInEnded' });
