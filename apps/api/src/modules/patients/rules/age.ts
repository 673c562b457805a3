import type { PlainDate } from '@medspa/contracts';
import { Temporal } from 'temporal-polyfill';

const AGE = 18;
/** Where a day begins first. */
const FIRST_ZONE = 'Pacific/Kiritimati';

/**
 * When somebody comes of age: as their birthday begins in the first of the organization's zones, so that nobody acts for them a moment
 * too long anywhere. Who was born on 29 February comes of age on the 28th, where the year has no 29th: never a day too late.
 */
export function comesOfAgeAt(birthDate: PlainDate, zones: readonly string[]): Date {
  const day = Temporal.PlainDate.from(birthDate).add({ years: AGE });
  const begins = (zone: string) => day.toZonedDateTime(zone).epochMilliseconds;
  return new Date(Math.min(...(zones.length > 0 ? zones : [FIRST_ZONE]).map(begins)));
}

/** Whether somebody is of age; null where their birth date is not known. */
export function isOfAge(birthDate: PlainDate | null, zones: readonly string[], now: Date): boolean | null {
  return birthDate === null ? null : now >= comesOfAgeAt(birthDate, zones);
}

/**
 * Whether a right to stand in for somebody has its ground at that moment: a minor who is one, or somebody of age who agreed. Asked for
 * each request, of the birth date as it stands, so that it ends by itself on the 18th birthday and follows a birth date that is put
 * right. Without a birth date there is no ground.
 */
export function isInForce(basis: 'minor' | 'consent', birthDate: PlainDate | null, zones: readonly string[], now: Date): boolean {
  return isOfAge(birthDate, zones, now) === (basis === 'consent');
}
