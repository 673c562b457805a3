import { describe, expect, test } from 'vitest';
import { findFault } from './body.ts';

describe('JSON that two readers could understand differently is found', () => {
  test.each([
    ['a key given twice', '{"a":1,"a":2}', '/a'],
    ['a key given twice, once escaped', '{"a":1,"\\u0061":2}', '/a'],
    ['a key given twice within', '{"x":[{"b":1},{"b":1,"c":{"d":1,"d":2}}]}', '/x/1/c/d'],
    ['a key given twice after strings with quotes and slashes', String.raw`{"p":"\"{\\","q":"\\\"a\":","p":1}`, '/p'],
    ['a key with a slash given twice', '{"a/b~c":1,"a/b~c":1}', '/a~1b~0c'],
    ['the prototype', '{"x":{"__proto__":{"admin":true}}}', '/x/__proto__'],
    ['the prototype, escaped', String.raw`{"\u005f_proto__":1}`, '/__proto__'],
  ])('%s', (_name, text, pointer) => {
    expect(() => JSON.parse(text)).not.toThrow();
    expect(findFault(text)).toMatchObject({ pointer });
  });

  test('nesting without end', () => {
    expect(findFault('['.repeat(100_000) + ']'.repeat(100_000))?.detail).toMatch(/deeper/);
    expect(findFault('{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000))?.detail).toMatch(/deeper/);
  });
});

test.each([
  '{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}',
  '{"a":"a","b":"{\\"b\\":1,\\"b\\":2}"}',
  '[]',
  '"a,a"',
  ' { "a" : [ "a" , "a" ] , "b" : "," } ',
  '{"a":{},"b":[],"c":"\\\\"}',
  '['.repeat(32) + ']'.repeat(32),
])('JSON with one meaning is left alone: %s', (text) => {
  expect(() => JSON.parse(text)).not.toThrow();
  expect(findFault(text)).toBeNull();
});
