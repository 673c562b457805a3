import { z } from 'zod';
import { Country, Currency, Email, Id, text, TimeZone, Version } from './primitives.ts';

export const Organization = z.object({ id: Id, name: z.string(), version: Version }).meta({ id: 'Organization' });
export const UpdateOrganization = z.strictObject({ name: text(120), version: Version });

export const LegalEntity = z.object({ id: Id, name: z.string(), currency: z.string(), version: Version }).meta({ id: 'LegalEntity' });
export const CreateLegalEntity = z.strictObject({ name: text(120), currency: Currency });
export type CreateLegalEntity = z.infer<typeof CreateLegalEntity>;
export const UpdateLegalEntity = z.strictObject({ name: text(120).optional(), version: Version });
export type UpdateLegalEntity = z.infer<typeof UpdateLegalEntity>;

const address = { street: text(200).nullish(), city: text(120).nullish(), region: text(120).nullish(), postalCode: text(20).nullish() };
const slotMinutes = z.union([5, 10, 15, 20, 30, 60].map((minutes) => z.literal(minutes)));

export const Location = z
  .object({
    id: Id,
    legalEntityId: Id,
    name: z.string(),
    timeZone: z.string(),
    slotMinutes: z.int(),
    street: z.string().nullable(),
    city: z.string().nullable(),
    region: z.string().nullable(),
    postalCode: z.string().nullable(),
    country: z.string(),
    isActive: z.boolean(),
    version: Version,
  })
  .meta({ id: 'Location' });
export const CreateLocation = z.strictObject({
  legalEntityId: Id,
  name: text(120),
  timeZone: TimeZone,
  slotMinutes: slotMinutes.optional().describe('offered starts are multiples of this many minutes of the local hour; 15 unless told'),
  ...address,
  country: Country.optional(),
});
export type CreateLocation = z.infer<typeof CreateLocation>;
/** The zone is not among what changes: appointments keep their instants, and shifts would silently move. */
export const UpdateLocation = z.strictObject({
  name: text(120).optional(),
  slotMinutes: slotMinutes.optional(),
  ...address,
  country: Country.optional(),
  isActive: z.boolean().optional(),
  version: Version,
});
export type UpdateLocation = z.infer<typeof UpdateLocation>;

export const Staff = z
  .object({
    id: Id,
    givenName: z.string(),
    familyName: z.string(),
    jobTitle: z.string(),
    email: z.string().nullable(),
    isActive: z.boolean(),
    version: Version,
  })
  .meta({ id: 'Staff' });
export const CreateStaff = z.strictObject({ givenName: text(80), familyName: text(80), jobTitle: text(80), email: Email.nullish() });
export type CreateStaff = z.infer<typeof CreateStaff>;
/** Whether somebody is active is not among what changes: who leaves is off-boarded, and comes back by reinstatement. */
export const UpdateStaff = CreateStaff.partial().extend({ version: Version });
export type UpdateStaff = z.infer<typeof UpdateStaff>;

export const Provider = z
  .object({ id: Id, staffId: Id, displayName: z.string(), credential: z.string(), isActive: z.boolean(), version: Version })
  .meta({ id: 'Provider' });
export const CreateProvider = z.strictObject({
  staffId: Id,
  displayName: text(120),
  credential: text(20).describe('licence letters, for example RN, NP, MD'),
});
export type CreateProvider = z.infer<typeof CreateProvider>;
export const UpdateProvider = z.strictObject({
  displayName: text(120).optional(),
  credential: text(20).optional(),
  isActive: z.boolean().optional(),
  version: Version,
});
export type UpdateProvider = z.infer<typeof UpdateProvider>;
