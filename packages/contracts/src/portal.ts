import { z } from 'zod';
import { CreatePatient, Patient } from './patients.ts';
import { Email, Id, Instant, Phone, PlainDate, Version, wrong } from './primitives.ts';
import { APPOINTMENT_STATUSES } from './scheduling.ts';
import { SignInSession } from './sign-in.ts';

// ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where the message with code and link shall go. The answer says nothing of whether anybody has the address. */
export const AskPatientSignIn = z.strictObject({
  organizationId: Id,
  address: z
    .union([Email, Phone], wrong('Neither an e-mail address nor a phone number.'))
    .meta({ description: 'an e-mail address, or a phone number for a text message', examples: ['maya@example.com'] }),
});
export type AskPatientSignIn = z.infer<typeof AskPatientSignIn>;

export const PatientSignIn = z
  .object({ id: Id.describe('goes with the code'), expiresAt: Instant })
  .meta({ id: 'PatientSignIn', description: 'A message is on its way, if a patient has the address.' });
export type PatientSignIn = z.infer<typeof PatientSignIn>;

export const SignInPatient = z.strictObject({
  organizationId: Id,
  signInId: Id,
  code: z
    .string()
    .trim()
    .regex(/^(?:\d{4}[ -]?\d{4}|[\w-]{43})$/, wrong('Not a code of eight digits, nor the end of a link.'))
    .meta({ description: 'eight digits of the message, or what its link ends in', examples: ['12345678'] }),
  birthDate: PlainDate.optional().describe('asked for with `birth-date-required`, where several patients have the address'),
});
export type SignInPatient = z.infer<typeof SignInPatient>;

const PortalPerson = Patient.pick({ id: true, givenName: true, familyName: true, preferredName: true }).meta({ id: 'PortalPerson' });

export const SignedInPatient = z
  .object({
    organizationId: Id,
    organizationName: z.string(),
    patient: PortalPerson,
    actsFor: z.array(PortalPerson).describe('the patients that this one stands in for now'),
    session: SignInSession.omit({ steppedUpAt: true }).meta({ id: 'PatientSession' }),
  })
  .meta({ id: 'SignedInPatient' });
export type SignedInPatient = z.infer<typeof SignedInPatient>;

export const PatientSession = SignedInPatient.shape.session;
export type PatientSession = z.infer<typeof PatientSession>;

// ── what patients see ────────────────────────────────────────────────────────────────────────────────────────────────

/** Of a patient what they may read themselves: nothing that staff noted for each other. */
export const PortalProfile = Patient.pick({
  id: true,
  givenName: true,
  familyName: true,
  preferredName: true,
  pronouns: true,
  timeZone: true,
  birthDate: true,
  phone: true,
  email: true,
  address: true,
  version: true,
}).meta({ id: 'PortalProfile' });
export type PortalProfile = z.infer<typeof PortalProfile>;

/** What patients change about themselves; names, birth date and the rest are the clinic's to check. */
export const UpdatePortalProfile = CreatePatient.pick({
  preferredName: true,
  pronouns: true,
  timeZone: true,
  phone: true,
  email: true,
  address: true,
})
  .partial()
  .extend({ version: Version });
export type UpdatePortalProfile = z.infer<typeof UpdatePortalProfile>;

export const PortalVisit = z
  .object({
    id: Id,
    status: z.enum(APPOINTMENT_STATUSES),
    startsAt: z.string(),
    endsAt: z.string(),
    locationName: z.string(),
    locationAddress: z.string(),
    timeZone: z.string().describe('of the location'),
    services: z.array(z.object({ serviceName: z.string(), providerName: z.string(), startsAt: z.string(), endsAt: z.string() })),
  })
  .meta({ id: 'PortalVisit' });
export type PortalVisit = z.infer<typeof PortalVisit>;

export const PortalMessage = z
  .object({
    id: Id,
    kind: z.string(),
    channel: z.enum(['email', 'sms']),
    title: z.string().nullable(),
    body: z.string(),
    sentAt: Instant,
  })
  .meta({ id: 'PortalMessage' });
export type PortalMessage = z.infer<typeof PortalMessage>;

// ── who stands in for whom ───────────────────────────────────────────────────────────────────────────────────────────

/** Lets one patient act for another in the portal. */
export const AddProxy = z.strictObject({
  proxyId: Id.describe('the patient who will act'),
  startsAt: Instant.optional().describe('now, unless told'),
  endsAt: Instant.optional().describe('required where the patient is of age; for a minor it ends on the 18th birthday at the latest'),
});
export type AddProxy = z.infer<typeof AddProxy>;

export const PatientProxy = z
  .object({
    id: Id,
    proxyId: Id,
    basis: z.enum(['minor', 'consent']).describe('a parent or guardian of a minor, or whom somebody who is of age agreed to'),
    startsAt: Instant,
    endsAt: Instant.nullable(),
    revokedAt: Instant.nullable(),
  })
  .meta({ id: 'PatientProxy' });
export type PatientProxy = z.infer<typeof PatientProxy>;
