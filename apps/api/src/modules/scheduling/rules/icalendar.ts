// A calendar as RFC 5545 writes it.

/** What stands in a calendar, from `startsAt` until `endsAt`. */
export type CalendarEntry = {
  /** The same for as long as it is the same thing. */
  id: string;
  summary: string;
  startsAt: Date;
  endsAt: Date;
  /** Rises with each change; the first one is 0. */
  sequence: number;
  changedAt: Date;
};

/** How often an app should ask again. */
const REFRESH = 'PT15M';
/** Octets of a line without its end (3.1). */
const LINE_OCTETS = 75;

/** The calendar of that name with these entries, all times in UTC. */
export function icalendarOf(name: string, entries: readonly CalendarEntry[]): string {
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Medical Spa Platform//Calendar feed//EN',
    'CALSCALE:GREGORIAN',
    // RFC 7986, and what apps read that do not know it.
    `NAME:${escapeText(name)}`,
    `X-WR-CALNAME:${escapeText(name)}`,
    `REFRESH-INTERVAL;VALUE=DURATION:${REFRESH}`,
    `X-PUBLISHED-TTL:${REFRESH}`,
    ...entries.flatMap(linesOf),
    'END:VCALENDAR',
  ];
  return lines.map((line) => `${fold(line)}\r\n`).join('');
}

function linesOf({ id, summary, startsAt, endsAt, sequence, changedAt }: CalendarEntry): string[] {
  return [
    'BEGIN:VEVENT',
    `UID:${escapeText(id)}`,
    `SEQUENCE:${sequence}`,
    `DTSTAMP:${instant(changedAt)}`,
    `DTSTART:${instant(startsAt)}`,
    `DTEND:${instant(endsAt)}`,
    `SUMMARY:${escapeText(summary)}`,
    // Neither a reminder's nor an invitation's text says more than the summary.
    'CLASS:CONFIDENTIAL',
    'END:VEVENT',
  ];
}

/** `20260302T150000Z`. */
function instant(at: Date): string {
  return at.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
}

/** A value of type TEXT (3.3.11). Other control characters have no place in it. */
function escapeText(text: string): string {
  return (
    text
      .replaceAll(/[\\;,]/g, (sign) => `\\${sign}`)
      .replaceAll(/\r\n|\r|\n/g, '\\n')
      // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
      .replaceAll(/[\u0000-\u001F\u007F]/g, ' ')
  );
}

/** In lines of at most 75 octets, each but the first one begun with a blank, and no character taken apart (3.1). */
function fold(line: string): string {
  const encoder = new TextEncoder();
  let octets = 0;
  return Array.from(line, (character) => {
    const size = encoder.encode(character).length;
    const isOver = octets + size > LINE_OCTETS;
    octets = isOver ? 1 + size : octets + size;
    return isOver ? `\r\n ${character}` : character;
  }).join('');
}
