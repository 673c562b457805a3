import { CHANNELS } from '@medspa/contracts';
import { Temporal } from 'temporal-polyfill';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { restoredByStart, type Said } from './rules/consent.ts';
import { planOf, SILENT_MILLIS, tryAgainAt, type Facts } from './rules/plan.ts';
import { DEFAULT_QUIET_HOURS, endOfQuiet } from './rules/quiet.ts';
import { readReply } from './rules/reply.ts';
import { segmentsOf } from './rules/segments.ts';
import { markupOf } from '../../platform/senders/mail.ts';
import { faultsOf, fill, FIRST_WORDS, reveal, type Values } from './rules/words.ts';

const NEW_YORK = 'America/New_York';
const quiet = (at: string, zone = NEW_YORK, hours = DEFAULT_QUIET_HOURS) => endOfQuiet(new Date(at), zone, hours)?.toISOString() ?? null;

describe('quiet hours', () => {
  test.each([
    ['21:30 waits until 08:00', '2026-03-03T02:30:00Z', '2026-03-03T13:00:00.000Z'],
    ['21:00 is quiet already', '2026-03-03T02:00:00Z', '2026-03-03T13:00:00.000Z'],
    ['20:59:59 is not yet', '2026-03-03T01:59:59Z', null],
    ['07:59:59 is still', '2026-03-03T12:59:59Z', '2026-03-03T13:00:00.000Z'],
    ['08:00 is no more', '2026-03-03T13:00:00Z', null],
    ['the night that loses an hour ends an hour earlier', '2026-03-08T03:00:00Z', '2026-03-08T12:00:00.000Z'],
    ['the night that gains one ends an hour later', '2026-11-01T02:00:00Z', '2026-11-01T13:00:00.000Z'],
  ])('%s', (_, at, until) => expect(quiet(at)).toBe(until));

  test('are those of the recipient', () => {
    expect(quiet('2026-03-03T02:30:00Z', 'America/Los_Angeles')).toBeNull();
    expect(quiet('2026-03-03T02:30:00Z', 'Pacific/Auckland')).toBeNull();
    expect(quiet('2026-03-03T12:30:00Z', 'Asia/Kolkata')).toBeNull();
    expect(quiet('2026-03-03T15:30:00Z', 'Asia/Kolkata')).toBe('2026-03-04T02:30:00.000Z');
  });

  test('that end in a skipped hour end when the clocks have jumped; in a repeated one, at the next time it is', () => {
    const until = (time: string) => ({ from: '21:00', until: time });
    expect(quiet('2026-03-08T05:00:00Z', NEW_YORK, until('02:30'))).toBe('2026-03-08T07:00:00.000Z');
    expect(quiet('2026-11-01T05:15:00Z', NEW_YORK, until('01:30'))).toBe('2026-11-01T05:30:00.000Z');
    expect(quiet('2026-11-01T06:15:00Z', NEW_YORK, until('01:30'))).toBe('2026-11-01T06:30:00.000Z');
  });

  test('may lie within a day, and may be none', () => {
    expect(quiet('2026-03-03T18:00:00Z', NEW_YORK, { from: '12:00', until: '14:00' })).toBe('2026-03-03T19:00:00.000Z');
    expect(quiet('2026-03-03T20:00:00Z', NEW_YORK, { from: '12:00', until: '14:00' })).toBeNull();
    expect(quiet('2026-03-03T05:00:00Z', NEW_YORK, { from: '00:00', until: '00:00' })).toBeNull();
  });

  test('in every zone, also where clocks change: what waits leaves later, within a day, and at a time that is not quiet', () => {
    const zones = Intl.supportedValuesOf('timeZone');
    const instant = fc.integer({ min: Date.parse('2026-01-01'), max: Date.parse('2028-01-01') });
    fc.assert(
      fc.property(fc.constantFrom(...zones), instant, (zone, millis) => {
        const at = new Date(millis);
        const hour = (when: Date) => Temporal.Instant.fromEpochMilliseconds(when.getTime()).toZonedDateTimeISO(zone).hour;
        const until = endOfQuiet(at, zone, DEFAULT_QUIET_HOURS);
        const isQuiet = hour(at) >= 21 || hour(at) < 8;
        expect(until !== null).toBe(isQuiet);
        if (!until) return;
        expect(until.getTime()).toBeGreaterThan(millis);
        expect(until.getTime() - millis).toBeLessThanOrEqual(12 * 3_600_000);
        expect(hour(until)).toBe(8);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what is done about a message', () => {
  const now = new Date('2026-03-03T15:00:00Z');
  const facts: Facts = {
    state: 'queued',
    isUrgent: false,
    sendAfter: now,
    expiresAt: new Date('2026-03-04T15:00:00Z'),
    sendingAt: null,
    isPatientActive: true,
    hasAddress: true,
    hasWords: true,
    hasSender: true,
    timeZone: NEW_YORK,
    quietHours: DEFAULT_QUIET_HOURS,
  };
  const plan = (changes: Partial<Facts>, at = now) => planOf({ ...facts, ...changes }, at);

  test('it is sent when nothing is in the way', () => expect(plan({})).toEqual({ step: 'send' }));
  test.each([
    ['patient-inactive', { isPatientActive: false }],
    ['expired', { expiresAt: now }],
    ['channel-off', { hasSender: false }],
    ['no-template', { hasWords: false }],
    ['no-address', { hasAddress: false }],
  ])('it is withheld: %s', (reason, changes) => expect(plan(changes)).toEqual({ step: 'withhold', reason }));
  test.each(['sent', 'failed', 'suppressed'] as const)('one that is %s stays so', (state) =>
    expect(plan({ state })).toEqual({ step: 'nothing' }),
  );

  const night = new Date('2026-03-04T03:00:00Z');
  test('at night it waits, unless it is urgent', () => {
    expect(plan({}, night)).toEqual({ step: 'wait', until: new Date('2026-03-04T13:00:00Z'), reason: 'quiet-hours' });
    expect(plan({ isUrgent: true }, night)).toEqual({ step: 'send' });
  });
  test('what would be told too late after the night is withheld', () =>
    expect(plan({ expiresAt: new Date('2026-03-04T13:00:00Z') }, night)).toEqual({ step: 'withhold', reason: 'expired' }));
  test('somebody else has it until they were silent for too long', () => {
    const since = (ago: number) => plan({ state: 'sending', sendingAt: new Date(now.getTime() - ago) });
    expect(since(SILENT_MILLIS)).toEqual({ step: 'find-out' });
    expect(since(SILENT_MILLIS - 1_000)).toEqual({ step: 'look-again', at: new Date(now.getTime() + 1_000) });
  });
  test('it is tried again later and later, an hour apart at most', () => {
    const minutes = [1, 2, 3, 7, 8, 9].map((attempt) => (tryAgainAt(now, attempt).getTime() - now.getTime()) / 60_000);
    expect(minutes).toEqual([0.5, 1, 2, 32, 60, 60]);
  });
});

describe('what a text asks for', () => {
  test.each(
    'STOP|Stop.| stop |STOP ALL|stopall|unsubscribe pls|END|quit|CANCEL|revoke|opt out|OPTOUT|Stop texting me|please don’t text me|Do not contact me again|no more messages please|wrong number|remove me|Please stop|stop sending me these|STOP bothering me please|I want to opt out|please unsubscribe me|Please remove my number|do not send me anything|cancel all messages please now'.split(
      '|',
    ),
  )('%s: stop', (said) => expect(readReply(said)).toBe('stop'));
  test.each(['START', ' start ', 'Unstop', 'YES'])('%s: start', (said) => expect(readReply(said)).toBe('start'));
  test.each(['Help', 'INFO'])('%s: help', (said) => expect(readReply(said)).toBe('help'));
  test.each([
    '',
    'See you on Monday',
    'Yes, I will come',
    'Cancel my visit',
    'Where do I stop by the reception today',
    'I will stop by at nine',
    'Can you send me the address?',
    'Thanks!',
  ])('%s: nothing', (said) => expect(readReply(said)).toBeNull());
});

describe('what START gives back', () => {
  const said = (purpose: string, isGranted: boolean, source: string): Said => ({ purpose, isGranted, source, at: new Date(0) });
  test('what STOP took', () => {
    const stop = [said('transactional', false, 'keyword'), said('marketing', false, 'keyword')];
    expect(restoredByStart(stop)).toEqual(['transactional']);
    expect(restoredByStart([...stop, said('marketing', true, 'staff')])).toEqual(['transactional', 'marketing']);
    expect(restoredByStart([said('transactional', false, 'provider'), ...stop])).toEqual(['transactional']);
  });
  test('nothing that was refused in another way, and nothing where nobody stopped', () => {
    expect(restoredByStart([said('transactional', false, 'staff'), said('transactional', false, 'keyword')])).toEqual([]);
    expect(restoredByStart([said('transactional', false, 'keyword'), said('transactional', false, 'staff')])).toEqual([]);
    expect(restoredByStart([])).toEqual([]);
  });
});

describe('how long a text message is', () => {
  test.each([
    ['', 'GSM-7', 1],
    ['a'.repeat(160), 'GSM-7', 1],
    ['a'.repeat(161), 'GSM-7', 2],
    ['a'.repeat(306), 'GSM-7', 2],
    ['a'.repeat(307), 'GSM-7', 3],
    ['€'.repeat(80), 'GSM-7', 1],
    ['€'.repeat(81), 'GSM-7', 2],
    // 153 units hold 76 of two units, not 76 and a half
    ['€'.repeat(153), 'GSM-7', 3],
    ['’'.repeat(70), 'UCS-2', 1],
    ['’'.repeat(71), 'UCS-2', 2],
    ['😀'.repeat(35), 'UCS-2', 1],
    // 67 units hold 33 pairs
    ['😀'.repeat(67), 'UCS-2', 3],
  ] as const)('%#', (text, encoding, count) => expect(segmentsOf(text)).toEqual({ encoding, count }));
});

describe('the words of a template', () => {
  const faults = (body: string, channel: 'email' | 'sms' = 'sms', forbidden: string[] = []) =>
    faultsOf('appointment.reminder', channel, { title: channel === 'email' ? 'See you' : null, body }, forbidden).map(
      ({ detail }) => detail,
    );

  test('pass with the places of their kind', () =>
    expect(faults('{{organization.name}}: see you on {{ appointment.date }} at {{appointment.time}}.')).toEqual([]));
  test.each(['{{patient.birthdate}}', '{{service.name}}', '{{constructor}}', '{{tostring}}'])('may not have the place %s', (place) =>
    expect(faults(`Hi ${place}`)).toEqual([`This kind of message has no place "${place.slice(2, -2)}".`]),
  );
  test.each(['{{patient.name}', 'patient.name}}', '{{ {{patient.name}} }}', '{{PATIENT.NAME}}'])(
    'may not have the broken place %s',
    (place) => expect(faults(`Hi ${place}`)).toContain('A place is written {{like.this}}.'),
  );
  test.each(['Your Botox is due', 'your LASER visit', 'results of the diagnosis.', 'hair-loss', 'weight  loss plan', 'Juvéderm'])(
    'may not say "%s"',
    (text) => expect(faults(text)[0]).toMatch(/says too much about health/),
  );
  test('may not say what the organization forbids, and may say what only resembles it', () => {
    expect(faults('The Glow Ritual awaits', 'email', ['glow ritual'])).toEqual(['"glow ritual" says too much about health or treatment.']);
    expect(faults('Glowing, ritually, a scarf, lasers-are-not-here', 'email', ['glow ritual'])).toEqual([]);
  });
  test('may not make more than three text messages, whatever fills the places', () => {
    expect(faults('a'.repeat(459))).toEqual([]);
    expect(faults('a'.repeat(460))).toEqual(['Can be 4 text messages long; at most 3 are sent.']);
    expect(faults(`${'a'.repeat(440)}{{patient.name}}`)).toHaveLength(1);
    expect(faults('a'.repeat(3_000), 'email')).toEqual([]);
  });

  const values: Values = {
    'organization.name': 'Willow & Ash',
    'patient.name': 'Maya',
    'location.name': 'Main Street',
    'location.address': '1 Main Street, Boston',
    'appointment.date': new Date('2026-03-03T15:00:00Z'),
    'appointment.time': new Date('2026-03-03T15:00:00Z'),
  };
  const filled = (body: string, changes: Partial<Values> = {}) => fill({ title: `T ${body}`, body }, { ...values, ...changes }, NEW_YORK);

  test('are filled with days and times of the location, in characters that a plain text message has', () => {
    const { body } = filled('{{patient.name}}, {{appointment.date}} at {{appointment.time}}');
    expect(body).toBe('Maya, Tuesday, March 3 at 10:00 AM');
    expect(segmentsOf(body).encoding).toBe('GSM-7');
  });
  test('M8: that sign somebody in have their places kept, and their secrets only as they leave', () => {
    for (const channel of CHANNELS) {
      const words = FIRST_WORDS['patient.sign-in']?.[channel];
      if (!words) throw new Error('There are words to begin with.');
      expect(faultsOf('patient.sign-in', channel, words, [])).toEqual([]);
      const kept = fill(words, { 'organization.name': 'Willow & Ash' }, NEW_YORK);
      expect(kept.body).toMatch(/Willow & Ash.*\{\{sign-in\.code\}\}[^]*\{\{sign-in\.link\}\}/);
      const leaving = reveal(kept, { 'sign-in.code': '12345678', 'sign-in.link': 'https://clinic.example/#x' });
      expect(leaving.body).toMatch(/12345678[^]*https:\/\/clinic\.example\/#x/);
      expect(reveal(kept, null)).toEqual(kept);
    }
    expect(faultsOf('patient.sign-in', 'email', { title: 'Hi', body: 'Open {{sign-in.link}}' }, [])).toHaveLength(1);
    expect(
      faultsOf('patient.sign-in', 'sms', { title: null, body: `{{sign-in.code}} {{sign-in.link}} ${'a'.repeat(270)}` }, []),
    ).toHaveLength(1);
  });
  test('a value is text: no place, no line, no header, no markup, and not endless', () => {
    expect(filled('{{patient.name}}', { 'patient.name': '{{organization.name}}' }).body).toBe('{{organization.name}}');
    expect(filled('{{patient.name}}', { 'patient.name': 'A\r\nBcc: b@example.com' })).toEqual({
      title: 'T A Bcc: b@example.com',
      body: 'A Bcc: b@example.com',
    });
    expect(filled('{{patient.name}}', { 'patient.name': 'x'.repeat(500) }).body).toHaveLength(80);
    expect(markupOf(filled('Hi {{patient.name}}\nthere\n\nBye', { 'patient.name': '<b onclick="x">&\'' }).body)).toBe(
      '<!doctype html><html lang="en"><body><p>Hi &#60;b onclick=&#34;x&#34;&#62;&#38;&#39;<br>there</p><p>Bye</p></body></html>',
    );
  });
});
