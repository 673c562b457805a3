import { z } from 'zod';

/** What a schema says of a value that does not fit; of one that is missing, that it is required. */
export function wrong(says: string) {
  return { error: (issue: { input?: unknown }) => (issue.input === undefined ? 'Required.' : says) };
}

/** Text that people type: trimmed, in one Unicode form, without control characters (PostgreSQL cannot store NUL) or broken surrogates. */
export function text(maxLength: number) {
  return typed(maxLength, isPrintable);
}

/** The same over several lines. */
export function multilineText(maxLength: number) {
  return typed(maxLength, (value) => isPrintable(value.replaceAll(/[\n\t\r]/g, ' ')));
}

function typed(maxLength: number, isFit: (value: string) => boolean) {
  return z
    .string()
    .refine(isStreamSafe, { error: 'Has too many marks on one letter.', abort: true })
    .trim()
    .normalize('NFC')
    .min(1)
    .max(maxLength)
    .refine(isFit, { error: 'Contains characters that cannot be printed.' });
}

/**
 * No more than 30 marks in a row, as Unicode's stream-safe format has it. Sorting a longer run takes quadratic time: 320 kB
 * of marks kept the process from everything else for 17 seconds.
 */
function isStreamSafe(value: string): boolean {
  return !/\p{M}{31}/u.test(value);
}

function isPrintable(value: string): boolean {
  // U+FFFD stands where the bytes of the request were not UTF-8.
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  return value.isWellFormed() && !/[\u0000-\u001F\u007F-\u009F\u2028\u2029\uFFFD]/.test(value);
}

// `meta` is for readers of the documentation: what a value means where its type does not say it, and one that passes.

export const Id = z.uuid(wrong('Not an id.'));

/** Four digits that PostgreSQL, JavaScript and people read alike, whatever the offset. */
const inCalendar = (said: string) => said >= '1000' && said < '9999';

/** A moment: a Date in code, ISO 8601 with an offset on the wire. */
export const Instant = z
  .codec(
    z.iso
      .datetime({ offset: true, ...wrong('Not an instant with an offset, like 2026-03-02T15:00:00Z.') })
      .refine(inCalendar, { error: 'Not in the years 1000 to 9998.' }),
    z.date(),
    {
      decode: (iso) => new Date(iso),
      encode: (date) => date.toISOString(),
    },
  )
  .meta({ examples: ['2026-03-02T15:00:00Z'] });

/** A day without a time, `YYYY-MM-DD`: a birthday, a date of the location's calendar. */
export const PlainDate = z.iso
  .date(wrong('Not a date, like 2026-03-02.'))
  .refine(inCalendar, { error: 'Not in the years 1000 to 9998.' })
  .meta({ examples: ['2026-03-02'] });
export type PlainDate = z.infer<typeof PlainDate>;

/** A wall time within a day, `HH:MM`; a shift that runs until midnight ends at `24:00`. */
export const WallTime = z
  .string()
  .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, wrong('Not a time of day, like 09:30.'))
  .meta({ description: 'wall time, `HH:MM` to `24:00`', examples: ['09:30'] });

/** The calendar's grain: claims begin on five-minute marks. */
const GRAIN_MILLIS = 300_000;

/**
 * When something begins, as a person or a program says it: an instant with an offset, or a wall time without one, which is
 * read in the location's zone. On a five-minute mark, since offsets are whole quarters of an hour. A wall time that the zone
 * skips or repeats is refused where it is resolved.
 */
export const WhenInput = z
  .codec(
    z.union(
      [
        z.iso
          .datetime({ offset: true })
          .refine(inCalendar)
          .refine((value) => Date.parse(value) % GRAIN_MILLIS === 0),
        z
          .string()
          .regex(/^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5][05](?::00)?$/)
          .refine((value) => PlainDate.safeParse(value.slice(0, 10)).success),
      ],
      wrong('Not an instant like 2026-03-02T15:00:00Z, nor a local time like 2026-03-02T10:00, on a five-minute mark.'),
    ),
    z.union([z.object({ instant: z.date() }), z.object({ local: z.string() })]),
    {
      decode: (said) => (/Z$|[+-]\d\d:?\d\d$/.test(said.slice(10)) ? { instant: new Date(said) } : { local: said }),
      encode: (when) => ('instant' in when ? when.instant.toISOString() : when.local),
    },
  )
  .meta({
    description:
      'an instant with its offset, or a wall time without one, which is read in the zone of the location; on a five-minute mark (`:00`, `:05`, ... `:55`, without seconds)',
    examples: ['2026-03-02T10:00'],
  });
export type When = z.infer<typeof WhenInput>;

/** An IANA time zone that this runtime knows. */
export const TimeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, wrong('Not an IANA time zone, like America/New_York.'))
  .meta({ description: 'IANA time zone', examples: ['America/New_York'] });

function isTimeZone(name: string): boolean {
  if (name !== 'UTC' && !/^[A-Z][A-Za-z_]+(\/[A-Z][A-Za-z0-9_+-]+)+$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** ISO 4217. */
export const Currency = z
  .string()
  .regex(/^[A-Z]{3}$/, wrong('Not a currency code, like USD.'))
  .meta({ description: 'ISO 4217', examples: ['USD'] });

/** Integer minor units and their currency. */
export const Money = z.strictObject({ amount: z.int().nonnegative().max(2_000_000_000), currency: Currency });
export type Money = z.infer<typeof Money>;

/** A whole number as the text of an address. */
export function wholeNumberIn(min: number, max: number) {
  return z.preprocess(
    (said) => (typeof said === 'string' && /^\d{1,16}$/.test(said) ? Number(said) : said),
    z.int({ error: 'Not a whole number.' }).min(min).max(max),
  );
}

/** The version that the caller read. A change of a row that has moved on since is refused. */
export const Version = z
  .int()
  .positive()
  .max(2_147_483_647)
  .meta({ description: 'counts the changes of a row; a change names the one it has seen', examples: [1] });

/** ISO 3166-1 alpha-2. */
export const Country = z
  .string()
  .regex(/^[A-Z]{2}$/, wrong('Not a country code, like US.'))
  .meta({ description: 'ISO 3166-1 alpha-2', examples: ['US'] });

/**
 * A phone number as people write it: with `+` and the country's code, or as it is dialled in the country. Spaces, dots, dashes,
 * slashes and brackets are dropped here; which number it is, the service says, which knows the country.
 */
export const Phone = z
  .string()
  .max(32)
  .transform((said) => said.replaceAll(/[\s()./‐‑–-]/g, ''))
  .pipe(z.string().regex(/^(?:\+[1-9]\d{6,14}|\d{5,17})$/, wrong('Not a phone number, like (212) 555-0100 or +1 212 555 0100.')))
  .meta({
    description:
      'international with `+`, or national: then it is read in the countries of the locations, in the order in which they opened',
    examples: ['+1 212 555 0100'],
  });

export const Email = z
  .email(wrong('Not an e-mail address.'))
  .max(254)
  .meta({ examples: ['maya@example.com'] });
