import { z } from 'zod';
import { only } from './fields.ts';
import { MAX_ROWS, PageQuery } from './page.ts';
import { Email, Id, Instant, multilineText, Phone, PlainDate, text, TimeZone, Version, wholeNumberIn, wrong } from './primitives.ts';

const Address = z.strictObject({
  street: text(200).nullish(),
  city: text(120).nullish(),
  region: text(120).nullish(),
  postalCode: text(20).nullish(),
  country: text(60).nullish(),
});

export const RELATION_KINDS = [
  'parent',
  'child',
  'guardian',
  'ward',
  'spouse',
  'partner',
  'sibling',
  'caregiver',
  'payer',
  'other',
] as const;
const RelationKind = z.enum(RELATION_KINDS);

const PatientRelation = z.object({ relatedId: Id, kind: RelationKind });

/** What tells who somebody is outside of the clinic, and how to reach them. */
const contact = <Schema extends z.ZodType>(schema: Schema) => only('patient:contact', schema);

export const Patient = z
  .object({
    id: Id,
    givenName: z.string().describe('legal'),
    familyName: z.string().describe('legal'),
    preferredName: z.string().nullable(),
    pronouns: z.string().nullable(),
    timeZone: contact(z.string().nullable().describe('where they are, when that is not where the clinic is')).optional(),
    birthDate: contact(z.string().nullable()).optional(),
    phone: contact(z.string().nullable()).optional(),
    email: contact(z.string().nullable()).optional(),
    address: contact(Address.nullable()).optional(),
    note: only('patient:clinical', z.string().nullable()).optional(),
    isActive: z.boolean(),
    deceasedOn: z.string().nullable(),
    mergedIntoId: Id.nullable(),
    sourceId: contact(z.string().nullable().describe('its number in the system that it was imported from')).optional(),
    version: Version,
    relations: z.array(PatientRelation).describe('what others are to this patient'),
    relationOf: z.array(z.object({ patientId: Id, kind: RelationKind })).describe('what this patient is to others'),
  })
  .meta({ id: 'Patient' });
export type Patient = z.infer<typeof Patient>;

/** A row of a list: enough to recognise the person, and to tell two of one name apart. */
export const PatientSummary = Patient.pick({
  id: true,
  givenName: true,
  familyName: true,
  preferredName: true,
  pronouns: true,
  birthDate: true,
  isActive: true,
}).meta({
  id: 'PatientSummary',
});

const SourceId = text(100);
const birthDate = PlainDate.refine((date) => date >= '1880-01-01', { error: 'Before 1880.' });

export const CreatePatient = z.strictObject({
  givenName: text(80),
  familyName: text(80),
  preferredName: text(80).nullish(),
  pronouns: text(40).nullish(),
  timeZone: contact(TimeZone.nullish()),
  birthDate: contact(birthDate.nullish()),
  phone: contact(Phone.nullish()),
  email: contact(Email.nullish()),
  address: contact(Address.nullish()),
  note: only('patient:clinical', multilineText(4_000).nullish()),
});
export type CreatePatient = z.infer<typeof CreatePatient>;

const status = {
  isActive: z.boolean().optional(),
  deceasedOn: PlainDate.nullish().describe('also makes the patient inactive'),
};
const isAliveIfActive = (of: { isActive?: boolean | undefined; deceasedOn?: string | null | undefined }) => !of.isActive || !of.deceasedOn;
const NOT_AFTER_DEATH = { error: 'Nobody is active after their death.', path: ['isActive'] };

export const UpdatePatient = CreatePatient.partial()
  .extend({
    ...status,
    version: Version,
  })
  .refine(isAliveIfActive, NOT_AFTER_DEATH);
export type UpdatePatient = z.infer<typeof UpdatePatient>;

/** The words of a name as the desk types it: `Abbott, Oli` is two. One sign of some scripts stands for several words. */
export function wordsOfName(typed: string): string[] {
  return typed
    .normalize('NFKD')
    .split(/[\s,]+/)
    .filter((word) => word !== '');
}

const MOST_WORDS = 12;
const TypedName = text(80).refine((typed) => wordsOfName(typed).length > 0 && wordsOfName(typed).length <= MOST_WORDS, {
  error: `Not one to ${MOST_WORDS} words.`,
});

/** In the body and not in the address, since what is searched for is a person's data. */
export const SearchPatients = z
  .strictObject({
    name: TypedName.optional().describe('words with which the family, given and preferred name or parts of them begin, in any order'),
    phone: contact(Phone.optional()),
    email: contact(Email.optional()),
    birthDate: contact(PlainDate.optional()),
    sourceId: contact(SourceId.optional().describe('its number in the system that it was imported from')),
    limit: z.int().min(1).max(MAX_ROWS).optional().describe('rows on the page, 50 unless told'),
    cursor: PageQuery.shape.cursor,
  })
  .refine((by) => by.name ?? by.phone ?? by.email ?? by.birthDate ?? by.sourceId, { error: 'Say what to search for.', path: ['name'] });
export type SearchPatients = z.infer<typeof SearchPatients>;

export const ImportPatients = z.strictObject({
  patients: z
    .array(
      CreatePatient.extend({ ...status, sourceId: contact(SourceId.describe("the record's id in the other system")) }).refine(
        isAliveIfActive,
        NOT_AFTER_DEATH,
      ),
    )
    .min(1)
    .max(1_000)
    .superRefine((patients, check) => {
      const seen = new Set<string>();
      for (const [index, { sourceId }] of patients.entries()) {
        if (seen.has(sourceId)) check.addIssue({ code: 'custom', path: [index, 'sourceId'], message: 'Twice in this import.' });
        seen.add(sourceId);
      }
    }),
});
export type ImportPatients = z.infer<typeof ImportPatients>;

export const ImportReport = z
  .object({ imported: z.int(), alreadyThere: z.int().describe('rows whose sourceId was imported before; they were left as they are') })
  .meta({ id: 'ImportReport' });

export const AddRelation = z.strictObject({ relatedId: Id, kind: RelationKind.describe('what the related person is to this patient') });
export type AddRelation = z.infer<typeof AddRelation>;

/** Where a list of accesses goes on: the time of one and its number. */
const AccessPlace = z
  .string()
  .regex(/^\d{1,14}-\d{1,18}$/, wrong('Not a place in the list.'))
  .meta({ examples: ['1772463600000-42'] });

export const AccessQuery = z.strictObject({
  limit: wholeNumberIn(1, MAX_ROWS).optional().describe('accesses in the answer, 50 unless told'),
  before: AccessPlace.optional().describe('`nextBefore` of the answer before'),
});
export type AccessQuery = z.infer<typeof AccessQuery>;

/** Who was shown a patient: one row a request. */
export const PatientAccesses = z
  .object({
    items: z.array(
      z.object({
        at: Instant,
        actorKind: z.string(),
        actorId: Id,
        actorName: z.string().nullable().describe('of staff'),
        action: z.string().describe('what they did, such as `patient.read`'),
        reason: z.string().nullable().describe('why, where they had to say it'),
        emergencyAccessId: Id.nullable().describe('the emergency access under which they read'),
        requestId: z.string(),
      }),
    ),
    nextBefore: AccessPlace.nullable().describe('null where the list ends'),
  })
  .meta({ id: 'PatientAccesses' });
export type PatientAccesses = z.input<typeof PatientAccesses>;
