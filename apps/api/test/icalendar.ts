/** What a calendar app makes of a calendar: its own properties, and those of each event. Throws where RFC 5545 is not kept. */
export function readCalendar(text: string): { properties: Map<string, string>; events: Map<string, string>[] } {
  if (!text.endsWith('\r\n')) throw new Error('The last line does not end.');
  const physical = text.slice(0, -2).split('\r\n');
  for (const line of physical) {
    if (/[\r\n]/.test(line)) throw new Error('A line ends otherwise than by CRLF.');
    if (Buffer.byteLength(line) > 75) throw new Error(`A line has ${Buffer.byteLength(line)} octets.`);
    if (line.includes('\uFFFD')) throw new Error('A character was taken apart.');
  }
  const lines = physical.join('\r\n').replaceAll('\r\n ', '').split('\r\n');
  const calendar = { properties: new Map<string, string>(), events: [] as Map<string, string>[] };
  const open: string[] = [];
  for (const line of lines) {
    const [, name = '', value = ''] = /^([A-Z-]+)(?:;[^:"]*)?:(.*)$/.exec(line) ?? [];
    if (name === '') throw new Error('A line has no name.');
    if (name === 'BEGIN') {
      open.push(value);
      if (value === 'VEVENT') calendar.events.push(new Map());
    } else if (name === 'END') {
      if (open.pop() !== value) throw new Error(`${value} ends and has not begun.`);
    } else {
      const place = open.at(-1) === 'VEVENT' ? calendar.events.at(-1) : calendar.properties;
      if (place?.has(name)) throw new Error(`${name} is there twice.`);
      place?.set(name, plain(value));
    }
  }
  if (open.length > 0) throw new Error(`${open.join(', ')} does not end.`);
  return calendar;
}

function plain(value: string): string {
  return value.replaceAll(/\\([\\;,nN])/g, (_, sign: string) => (/n/i.test(sign) ? '\n' : sign));
}
