import { APPOINTMENT_ACTIONS } from '@medspa/contracts';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, test } from 'vitest';
import { DISTRIBUTIONS } from './clinic.ts';
import { generatePracticeData, type Appointment } from './generate.ts';

const NOW = new Date('2026-11-18T17:20:00Z');
const data = generatePracticeData('small', 1, NOW);
const at = NOW.getTime();
const statusOf = (one: Appointment) => one.steps.at(-1)?.status;
const shareOf = (all: Appointment[], isSo: (one: Appointment) => boolean) => all.filter(isSo).length / all.length;

describe('practice data', () => {
  test('is the same for the same seed and day, in whatever zone the machine is, and another for another seed', () => {
    expect(generatePracticeData('small', 1, NOW)).toEqual(data);
    expect(generatePracticeData('small', 2, NOW).patients.slice(0, 5)).not.toEqual(data.patients.slice(0, 5));
  });

  test('keeps the ids that the README names, and those of the clinic, from day to day', () => {
    expect([data.locations[0]?.id, data.services[0]?.id, data.patients[0]?.id]).toEqual([
      '01a00000-0000-7000-8000-00000000a001',
      '01a00000-0000-7000-8000-00000000a002',
      '01a00000-0000-7000-8000-00000000a003',
    ]);
    const { appointments, ...clinic } = data;
    const { appointments: later, ...clinicLater } = generatePracticeData('small', 1, new Date('2027-01-04T12:00:00Z'));
    expect(clinicLater).toEqual(clinic);
    expect(later).not.toEqual(appointments);
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
    const claims = data.appointments.flatMap((one) => one.claims).toSorted((a, b) => a.from - b.from);
    const until = new Map<string, number>();
    const overlaps = claims.filter((claim) => {
      const before = until.get(claim.resourceId) ?? 0;
      until.set(claim.resourceId, Math.max(before, claim.until));
      return claim.from < before;
    });
    expect(overlaps).toEqual([]);
    expect(claims.length).toBeGreaterThan(5_000);
  });

  test('has every visit, with its buffers, within a shift of its provider, for a service that the provider performs', () => {
    const outside = data.appointments.filter((one) => {
      const provider = data.providers.find(({ id }) => id === one.providerId);
      const zone = data.locations.find(({ id }) => id === one.locationId)?.timeZone ?? '';
      const { before, after, by } = one.service;
      const [from, until] = [one.startsAt - before * 60_000, one.endsAt + after * 60_000].map((instant) =>
        Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(zone),
      );
      const isCovered = provider?.shifts.some(
        (shift) =>
          shift.weekday === from?.dayOfWeek &&
          shift.startsAt <= from.toPlainTime().toString() &&
          (until?.toPlainTime().toString() ?? '') <= `${shift.endsAt}:00`,
      );
      return !isCovered || !by.includes(provider?.credential ?? 'LE');
    });
    expect(outside).toEqual([]);
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
    const all = [1, 2, 3, 4, 5, 6].flatMap((seed) => generatePracticeData('small', seed, NOW).appointments);
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
