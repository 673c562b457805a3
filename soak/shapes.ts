/** A request as bytes that no service should act on. `body` is what a valid one would have, if the route takes one. */
export type Shape = { name: string; bytes: (method: string, path: string) => string | Buffer };

const HOST = 'Host: localhost';
const TYPE = 'Content-Type: application/json';
const GOOD = '{"name":"Smuggled"}';
const LENGTH = `Content-Length: ${GOOD.length}`;

function lines(...all: string[]): string {
  return `${all.join('\r\n')}\r\n\r\n`;
}

function withBody(body: string | Buffer, ...headers: string[]): Shape['bytes'] {
  return (method, path) =>
    Buffer.concat([
      Buffer.from(
        lines(`${method} ${path} HTTP/1.1`, HOST, TYPE, `Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close', ...headers),
      ),
      Buffer.from(body),
    ]);
}

/** What is no HTTP, or HTTP in two readings: refused on every route, whatever its method. */
const FRAMES: Shape[] = (
  [
    [
      'a length beside chunks',
      (m, p) => lines(`${m} ${p} HTTP/1.1`, HOST, TYPE, LENGTH, 'Transfer-Encoding: chunked') + `13\r\n${GOOD}\r\n0\r\n\r\n`,
    ],
    ['two lengths', (m, p) => lines(`${m} ${p} HTTP/1.1`, HOST, TYPE, LENGTH, 'Content-Length: 5') + GOOD],
    ['a length that is no number', (m, p) => lines(`${m} ${p} HTTP/1.1`, HOST, TYPE, 'Content-Length: 0x13') + GOOD],
    ['a negative length', (m, p) => lines(`${m} ${p} HTTP/1.1`, HOST, TYPE, 'Content-Length: -1') + GOOD],
    ['chunks spelled otherwise', (m, p) => lines(`${m} ${p} HTTP/1.1`, HOST, TYPE, 'Transfer-Encoding: xchunked') + GOOD],
    [
      'a chunk longer than it says',
      (m, p) => lines(`${m} ${p} HTTP/1.1`, HOST, TYPE, 'Transfer-Encoding: chunked') + `2\r\n${GOOD}\r\n0\r\n\r\n`,
    ],
    ['no host', (m, p) => lines(`${m} ${p} HTTP/1.1`)],
    ['two hosts', (m, p) => lines(`${m} ${p} HTTP/1.1`, HOST, 'Host: evil.example')],
    ['a host that is none', (m, p) => lines(`${m} ${p} HTTP/1.1`, 'Host: evil.example/path?')],
    ['64 kB of headers', (m, p) => lines(`${m} ${p} HTTP/1.1`, HOST, `X-Long: ${'x'.repeat(65_536)}`)],
    ['ten thousand headers', (m, p) => lines(`${m} ${p} HTTP/1.1`, HOST, ...Array.from({ length: 10_000 }, (_, index) => `X-${index}: 1`))],
    ['an address of 64 kB', (m, p) => lines(`${m} ${p}?${'x'.repeat(65_536)} HTTP/1.1`, HOST)],
    ['a line feed alone', (m, p) => `${m} ${p} HTTP/1.1\n${HOST}\n\n`],
    ['a blank before the colon', (m, p) => lines(`${m} ${p} HTTP/1.1`, 'Host : localhost')],
    ['a method that is none', (_m, p) => lines(`STEAL ${p} HTTP/1.1`, HOST)],
    ['TRACE', (_m, p) => lines(`TRACE ${p} HTTP/1.1`, HOST, 'Connection: close')],
    ['a NUL in a header', (m, p) => lines(`${m} ${p} HTTP/1.1`, HOST, 'X-Nul: a\u0000b')],
    ['a NUL in the address', (m, p) => lines(`${m} ${p}\u0000 HTTP/1.1`, HOST)],
    ['an escape that is none', (m, p) => lines(`${m} ${p}/%zz%c0%af HTTP/1.1`, HOST, 'Connection: close')],
    ['a version that is none', (m, p) => lines(`${m} ${p} HTTP/9.9`, HOST)],
    ['another protocol', () => 'SSH-2.0-OpenSSH_9.0\r\n\r\n'],
    ['bytes', () => Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 167) % 256))],
  ] satisfies [string, Shape['bytes']][]
).map(([name, bytes]) => ({ name, bytes }));

/** Bodies that are no JSON, another kind, ambiguous, deep, or too large: for routes that take a body. */
const BODIES: Shape[] = [
  { name: 'three million bytes', bytes: withBody(`{"name":"${'x'.repeat(3_000_000)}"}`) },
  {
    name: 'three million bytes in chunks',
    bytes: (m, p) =>
      `${lines(`${m} ${p} HTTP/1.1`, HOST, TYPE, 'Transfer-Encoding: chunked', 'Connection: close')}${`186a0\r\n${' '.repeat(100_000)}\r\n`.repeat(30)}0\r\n\r\n`,
  },
  { name: 'zipped', bytes: withBody(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), 'Content-Encoding: gzip') },
  {
    name: 'a form',
    bytes: (m, p) => `${lines(`${m} ${p} HTTP/1.1`, HOST, 'Content-Type: text/plain', LENGTH, 'Connection: close')}${GOOD}`,
  },
  ...[
    ['unfinished', '{"name":'],
    ['empty', ''],
    ['a list', '[]'],
    ['null', 'null'],
    ['a number without an end', '1e400'],
    ['an integer that no number holds', '{"version":9007199254740993}'],
    ['deep', '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000)],
    ['deep and unclosed', '['.repeat(100_000)],
    ['a key twice', '{"name":"a","name":"b"}'],
    ['a prototype', '{"__proto__":{"isActive":true}}'],
    ['a lone surrogate', '{"name":"\\ud800"}'],
    ['a NUL', '{"name":"a\\u0000b"}'],
    ['an unknown key', '{"unknown":1}'],
  ].map(([name = '', body = '']) => ({ name, bytes: withBody(body) })),
  { name: 'bytes that are not UTF-8', bytes: withBody(Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])) },
];

export function shapesFor(method: string): Shape[] {
  return method === 'GET' || method === 'DELETE' || method === 'PUT' ? FRAMES : [...FRAMES, ...BODIES];
}
