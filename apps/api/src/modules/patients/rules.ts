import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min';

/** Form in which a value is hashed for look-ups, so that spellings of the same value meet. */
export const normalised = {
  email: (email: string) => email.toLowerCase(),
  phone: (phone: string) => phone,
  birthDate: (date: string) => date,
  sourceId: (id: string) => id,
};

/**
 * A phone number in E.164, or null when it is none: with `+` it is as it was said, without it the number that it is in the first
 * of the countries where there can be such a number.
 */
export function phoneIn(countries: string[], said: string): string | null {
  const read = (country?: string) => {
    const number = parsePhoneNumberFromString(said, country !== undefined && isSupportedCountry(country) ? country : undefined);
    return number?.isValid() ? number.number : undefined;
  };
  if (said.startsWith('+')) return read() ?? said;
  return countries.map(read).find((number) => number !== undefined) ?? null;
}

/** The latest day that it is anywhere at that moment (UTC+14): no birth and no death is later. */
export function latestToday(now: Date): string {
  return new Date(now.getTime() + 14 * 3_600_000).toISOString().slice(0, 10);
}

/** The columns that a death changes: messages, offers and bookings stop with it. */
export function deathOf(deceasedOn: string | null | undefined): { deceasedOn?: Date | null; isActive?: false } {
  if (deceasedOn === undefined) return {};
  return deceasedOn === null ? { deceasedOn: null } : { deceasedOn: new Date(`${deceasedOn}T00:00:00Z`), isActive: false };
}
