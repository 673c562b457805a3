import { z } from 'zod';

/** What a schema says of a value that does not fit; of one that is missing, that it is required. */
export function wrong(says: string) {
  return { error: (issue: { input?: unknown }) => (issue.input === undefined ? 'Required.' : says) };
}

/** Text that people type: trimmed, in one Unicode form, without control characters (PostgreSQL cannot store NUL) or broken surrogates. */
export function text(maxLength: number) {
  return z
    .string()
    .trim()
    .normalize('NFC')
    .min(1)
    .max(maxLength)
    .refine(isPrintable, { error: 'Contains characters that cannot be printed.' });
}

/** The same over several lines. */
export function multilineText(maxLength: number) {
  return z
    .string()
    .trim()
    .normalize('NFC')
    .min(1)
    .max(maxLength)
    .refine((value) => isPrintable(value.replaceAll(/[\n\t\r]/g, ' ')), { error: 'Contains characters that cannot be printed.' });
}

function isPrintable(value: string): boolean {
  // U+FFFD stands where the bytes of the request were not UTF-8.
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  return value.isWellFormed() && !/[\u0000-\u001F\u007F-\u009F\u2028\u2029\uFFFD]/.test(value);
}

/** A count in a query, written in digits: JavaScript would also read a space as 0, `1e2` and `0x10`. */
export function wholeNumber(min: number, max: number) {
  return z.preprocess(
    (said) => (/^\d{1,16}$/.test(String(said)) ? Number(said) : said),
    z.int(wrong('Not a whole number.')).min(min).max(max),
  );
}

export const Id = z.uuid(wrong('Not an id.'));

/** A moment: a Date in code, ISO 8601 with an offset on the wire. */
export const Instant = z.codec(
  z.iso.datetime({ offset: true, ...wrong('Not an instant with an offset, like 2026-03-02T15:00:00Z.') }),
  z.date(),
  {
    decode: (iso) => new Date(iso),
    encode: (date) => date.toISOString(),
  },
);

/** A day without a time, `YYYY-MM-DD`: a birthday, a date of the location's calendar. */
export const PlainDate = z.iso.date(wrong('Not a date, like 2026-03-02.'));
export type PlainDate = z.infer<typeof PlainDate>;

/** A wall time within a day, `HH:MM`; a shift that runs until midnight ends at `24:00`. */
export const WallTime = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, wrong('Not a time of day, like 09:30.'));

/**
 * When something begins, as a person or a program says it: an instant with an offset, or a wall time without one, which is
 * read in the location's zone. A wall time that the zone skips or repeats is refused where it is resolved.
 */
export const WhenInput = z.codec(
  z.union(
    [
      z.iso.datetime({ offset: true }),
      z
        .string()
        .regex(/^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d(?::00)?$/)
        .refine((value) => PlainDate.safeParse(value.slice(0, 10)).success),
    ],
    wrong('Not an instant like 2026-03-02T15:00:00Z, nor a local time like 2026-03-02T10:00.'),
  ),
  z.union([z.object({ instant: z.date() }), z.object({ local: z.string() })]),
  {
    decode: (said) => (/Z$|[+-]\d\d:?\d\d$/.test(said.slice(10)) ? { instant: new Date(said) } : { local: said }),
    encode: (when) => ('instant' in when ? when.instant.toISOString() : when.local),
  },
);
export type When = z.infer<typeof WhenInput>;

/** An IANA time zone that this runtime knows. */
export const TimeZone = z.string().max(64).refine(isTimeZone, wrong('Not an IANA time zone, like America/New_York.'));

function isTimeZone(name: string): boolean {
  if (name !== 'UTC' && !/^[A-Z][A-Za-z_]+(\/[A-Z][A-Za-z0-9_+-]+)+$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** ISO 4217. */
export const Currency = z.string().regex(/^[A-Z]{3}$/, wrong('Not a currency code, like USD.'));

/** Integer minor units and their currency. */
export const Money = z.strictObject({ amount: z.int().nonnegative().max(2_000_000_000), currency: Currency });
export type Money = z.infer<typeof Money>;

/** The version that the caller read. A change of a row that has moved on since is refused. */
export const Version = z.int().positive();

/** ISO 3166-1 alpha-2. */
export const Country = z.string().regex(/^[A-Z]{2}$/, wrong('Not a country code, like US.'));

/** A phone number in E.164, `+` and up to 15 digits; spaces, dots, dashes and brackets are dropped. */
export const Phone = z
  .string()
  .max(32)
  .transform((said) => said.replaceAll(/[\s().-]/g, ''))
  .pipe(z.string().regex(/^\+[1-9]\d{6,14}$/, wrong('Not an international number, like +1 212 555 0100.')));

export const Email = z.email(wrong('Not an e-mail address.')).max(254);
