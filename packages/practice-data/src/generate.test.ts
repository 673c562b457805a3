import { createHash } from 'node:crypto';
import { APPOINTMENT_ACTIONS } from '@medspa/contracts';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, test } from 'vitest';
import { DISTRIBUTIONS } from './clinic.ts';
import { generatePracticeData } from './generate.ts';
import { SIZES, type Size } from './sizes.ts';
import type { Appointment } from './visits.ts';

const NOW = new Date('2026-11-18T17:20:00Z');
const whole = (size: Size, seed = 1, now = NOW) => {
  const { days, ...clinic } = generatePracticeData(size, seed, now);
  return { ...clinic, appointments: Array.from(days()).flatMap((day) => day.appointments) };
};
const data = whole('small');
const at = NOW.getTime();
const statusOf = (one: Appointment) => one.steps.at(-1)?.status;
const shareOf = (all: Appointment[], isSo: (one: Appointment) => boolean) => all.filter(isSo).length / all.length;

/** Two things that hold one resource at a time. */
const overlapsIn = (appointments: Appointment[]) => {
  const until = new Map<string, number>();
  const claims = appointments.flatMap((one) => one.claims).toSorted((a, b) => a.from - b.from);
  return claims.filter((claim) => {
    const before = until.get(claim.resourceId) ?? 0;
    until.set(claim.resourceId, Math.max(before, claim.until));
    return claim.from < before;
  });
};

/** Appointments that, with their buffers, are outside of their provider's shifts, or of a service that the provider does not perform. */
const misplacedIn = ({ appointments, providers, locations }: ReturnType<typeof whole>) => {
  const providerOf = new Map(providers.map((one) => [one.id, one]));
  const zoneOf = new Map(locations.map(({ id, timeZone }) => [id, timeZone]));
  return appointments.filter((one) => {
    const provider = providerOf.get(one.providerId);
    const { before, after, by } = one.service;
    const [from, until] = [one.startsAt - before * 60_000, one.endsAt + after * 60_000].map((instant) =>
      Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(zoneOf.get(one.locationId) ?? ''),
    );
    const isCovered = provider?.shifts.some(
      (shift) =>
        shift.weekday === from?.dayOfWeek &&
        shift.startsAt <= from.toPlainTime().toString() &&
        (until?.toPlainTime().toString() ?? '') <= `${shift.endsAt}:00`,
    );
    return !isCovered || provider?.locationId !== one.locationId || !by.includes(provider.credential);
  });
};

describe('practice data', () => {
  test('is the same for the same seed and day, in whatever zone the machine is, and another for another seed', () => {
    expect(whole('small')).toEqual(data);
    expect(whole('small', 2).patients.slice(0, 5)).not.toEqual(data.patients.slice(0, 5));
  });

  test('keeps the ids that the README names, and those of the clinic, from day to day', () => {
    expect([data.locations[0]?.id, data.services[0]?.id, data.patients[0]?.id]).toEqual([
      '01a00000-0000-7000-8000-00000000a001',
      '01a00000-0000-7000-8000-00000000a002',
      '01a00000-0000-7000-8000-00000000a003',
    ]);
    const { appointments, ...clinic } = data;
    const { appointments: later, ...clinicLater } = whole('small', 1, new Date('2027-01-04T12:00:00Z'));
    expect(clinicLater).toEqual(clinic);
    expect(later).not.toEqual(appointments);
  });

  test('of the first run stay as they were: whoever followed the README finds the same', () => {
    const { appointments, since, ...clinic } = data;
    const digestOf = (value: object) => createHash('sha256').update(JSON.stringify(value)).digest('hex');
    expect([since, digestOf(clinic), digestOf(appointments)]).toEqual([
      '2026-01-05',
      'f5d56f934b648b23afde230bf43b4441977cdff18e96819e4b49bc3822e67440',
      'd7509c87b1fb0fa0a2b8720a03e7aae61f98d58090ec9e7b194a96ce42a2433a',
    ]);
  });

  test('gives every id once', () => {
    const ids = [
      ...[data.locations, data.services, data.rooms, data.patients, data.providers, data.frontDesk, data.roomTypes].flat(),
      ...data.appointments,
      ...data.appointments.map(({ segmentId }) => ({ id: segmentId })),
    ].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('has nobody and no room in two places at once', () => {
    expect(overlapsIn(data.appointments)).toEqual([]);
    expect(data.appointments.flatMap((one) => one.claims).length).toBeGreaterThan(5_000);
  });

  test('has every visit, with its buffers, within a shift of its provider, for a service that the provider performs', () => {
    expect(misplacedIn(data)).toEqual([]);
  });

  test('has no step that the state table forbids, none before its time, and none in the future', () => {
    const zoneOf = new Map(data.locations.map(({ id, timeZone }) => [id, timeZone]));
    for (const { steps, startsAt, locationId } of data.appointments) {
      const start = Temporal.Instant.fromEpochMilliseconds(startsAt).toZonedDateTimeISO(zoneOf.get(locationId) ?? '');
      const earliest = { start: startsAt, day: start.startOfDay().epochMilliseconds };
      expect(steps[0].action).toBe('book');
      for (const [index, step] of steps.entries()) {
        expect(step.at).toBeLessThanOrEqual(at);
        const before = steps[index - 1];
        if (!before || step.action === 'book') continue;
        const { from, notBefore } = APPOINTMENT_ACTIONS[step.action];
        expect(from).toContain(before.status);
        expect(step.at).toBeGreaterThanOrEqual(notBefore ? earliest[notBefore] : 0);
        expect(step.at).toBeGreaterThanOrEqual(before.at);
      }
    }
  });

  test('follows the stated distributions: no-shows, cancellations, channels', () => {
    // Of one clinic the shares scatter by a percent; of six they lie near.
    const all = [1, 2, 3, 4, 5, 6].flatMap((seed) => whole('small', seed).appointments);
    const past = all.filter((one) => one.endsAt < at);
    expect(past.length).toBeGreaterThan(9_000);
    expect(shareOf(past, (one) => statusOf(one) === 'no_show')).toBeCloseTo(DISTRIBUTIONS.noShow, 1.7);
    expect(shareOf(past, (one) => statusOf(one) === 'cancelled')).toBeCloseTo(DISTRIBUTIONS.cancelled, 1.7);
    for (const [channel, weight] of DISTRIBUTIONS.channels)
      expect(shareOf(all, (one) => one.channel === channel)).toBeCloseTo(weight / 100, 1.7);
    const left = past.filter((one) => !['left', 'no_show', 'cancelled'].includes(statusOf(one) ?? ''));
    // Whoever left late is still at the desk.
    expect(left.every((one) => one.endsAt > at - 3_600_000)).toBe(true);
  });

  test('fills past days as stated and coming days less and less, with something open on each', () => {
    const busyMinutes = (from: number, days: number) =>
      data.appointments
        .filter((one) => one.claims.length > 0 && one.startsAt >= from && one.startsAt < from + days * 86_400_000)
        .reduce((sum, one) => sum + (one.endsAt - one.startsAt) / 60_000, 0) / days;
    const [before, soon, late] = [
      busyMinutes(at - 28 * 86_400_000, 28),
      busyMinutes(at + 86_400_000, 7),
      busyMinutes(at + 20 * 86_400_000, 7),
    ];
    expect(soon).toBeLessThan(before);
    expect(late).toBeLessThan(soon / 1.5);
    expect(late).toBeGreaterThan(0);
  });

  test('is of nobody: reserved numbers and addresses that cannot receive mail', () => {
    for (const { phone, email } of data.patients) {
      expect(phone).toMatch(/^\+1212555\d{4}$/);
      expect(email).toMatch(/@patients\.example$/);
    }
  });
});

describe('a group of clinics', () => {
  const medium = whole('medium');
  const PAST = medium.appointments.filter((one) => one.endsAt < at);

  test('is as large as it is called', () => {
    expect([medium.locations.length, medium.providers.length, medium.patients.length]).toEqual([3, 24, 6_000]);
    expect(medium.appointments.length / 45_000).toBeCloseTo(1, 0.9);
    const starts = medium.appointments.map((one) => one.startsAt);
    const months = (starts.reduce((a, b) => Math.max(a, b)) - starts.reduce((a, b) => Math.min(a, b))) / (30.44 * 86_400_000);
    expect(months).toBeCloseTo(18, -0.3);
  });

  test('follows the stated distributions: no-shows, cancellations, channels', () => {
    expect(shareOf(PAST, (one) => statusOf(one) === 'no_show')).toBeCloseTo(DISTRIBUTIONS.noShow, 1.7);
    expect(shareOf(PAST, (one) => statusOf(one) === 'cancelled')).toBeCloseTo(DISTRIBUTIONS.cancelled, 1.7);
    for (const [channel, weight] of DISTRIBUTIONS.channels)
      expect(shareOf(medium.appointments, (one) => one.channel === channel)).toBeCloseTo(weight / 100, 1.7);
  });

  test('has nobody and no room in two places at once, and every patient at one location', () => {
    expect(overlapsIn(medium.appointments)).toEqual([]);
    const homes = new Map<string, Set<string>>();
    for (const { patientId, locationId } of medium.appointments) homes.set(patientId, (homes.get(patientId) ?? new Set()).add(locationId));
    expect([...homes.values()].every((locations) => locations.size === 1)).toBe(true);
    expect(homes.size).toBeGreaterThan(5_900);
  });

  test('has every visit within a shift of its provider at its location, from the first day that terms and shifts hold', () => {
    const some = whole('tiny');
    expect(misplacedIn(some)).toEqual([]);
    for (const { since, appointments } of [some, medium]) expect(appointments.every((one) => one.startsAt > Date.parse(since))).toBe(true);
  });

  test('comes day by day of one location after the other, the same each time, and says how far it is', () => {
    const group = generatePracticeData('tiny', 1, NOW);
    const days = [...group.days()];
    expect([...group.days()]).toEqual(days);
    expect(days.map(({ locationId }) => locationId)).toEqual(
      group.locations.flatMap(({ id }) => Array.from({ length: SIZES.tiny.pastDays + 1 + SIZES.tiny.comingDays }, () => id)),
    );
    expect(days.every((day) => day.appointments.every(({ locationId }) => locationId === day.locationId))).toBe(true);
    expect(days.map(({ share }) => share)).toEqual(days.map((_, index) => (index + 1) / days.length));
  });

  test('large is 50 locations, 600 providers and three million appointments', () => {
    const large = generatePracticeData('large', 1, NOW);
    expect([large.locations.length, large.providers.length]).toEqual([50, 600]);
    expect(new Set(large.locations.map(({ name }) => name)).size).toBe(50);
    let made = 0;
    // The first location tells of all: each has the same team.
    for (const { share, appointments } of large.days()) {
      if (share > 1 / 50) break;
      made += appointments.length;
    }
    expect(made * 50).toBeGreaterThan(3_000_000);
    expect(made * 50).toBeLessThan(3_300_000);
  });
});
