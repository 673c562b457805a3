import { bodyOf, type Schema } from '../src/platform/documentation/openapi.ts';
import type { ValidRequest } from './requests.ts';

/** A request that must be refused, and the status and place (`body /startsAt`) that the refusal names. */
export type BadInput = {
  name: string;
  method: string;
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  expected: { status: number; place: string };
};

const DEEP = 10_000;
const LONG = 'x'.repeat(500_000);
/** Stands in a body where raw JSON goes that JSON.stringify cannot write. */
const RAW = 'RAW-JSON-GOES-HERE';

/** Bodies that are not JSON, not an object, ambiguous, or too large. */
export function badBodies(request: ValidRequest): BadInput[] {
  const { call, method, path, body } = request;
  if (body === undefined) return method === 'GET' ? [] : [{ name: 'malformed', method, path, body: '{"a":', expected: at(400, '') }];
  const good = JSON.stringify(body);
  const rest = good.slice(1);
  const [first = ''] = Object.keys(body);
  const required = bodyOf(call)?.required?.[0] ?? 'name';
  const sent = (name: string, text: unknown, place = '', status = 400, headers = {}): BadInput => ({
    name,
    method,
    path,
    body: text,
    headers,
    expected: at(status, place),
  });
  return [
    { name: 'no body', method, path, expected: at(400, `/${required}`) },
    sent('an empty body', ''),
    sent('an empty object', '{}', `/${required}`),
    ...['{', 'NaN', '{a:1}', `{'a':1}`, `${good},`, `{,${rest}`, `${good}${good}`, `\uFEFF${good}`].map((text) =>
      sent(`malformed ${text.slice(0, 8)}`, text),
    ),
    ...['null', '[]', '"text"', '5', 'true', '1e400', `[${good}]`].map((text) => sent(`another kind: ${text.slice(0, 8)}`, text)),
    sent(
      'bytes that are not UTF-8',
      Buffer.concat([Buffer.from(`{"${first}":"`), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from(`",${rest}`)]),
    ),
    sent('a raw NUL', `{"\u0000":1,${rest}`),
    sent('a deep list', '['.repeat(DEEP) + ']'.repeat(DEEP), '/0'.repeat(32)),
    sent('a deep value', `{"deep":${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)},${rest}`, `/deep${'/a'.repeat(31)}`),
    sent('an unclosed deep list', '['.repeat(DEEP)),
    sent('a key twice', `{"${first}":null,${rest}`, `/${first}`),
    sent('an unknown key', `{"price~/":0,${rest}`, '/price~0~1'),
    sent('a prototype', `{"__proto__":{"isActive":true},${rest}`, '/__proto__'),
    sent('a constructor', `{"constructor":{"prototype":{"a":1}},${rest}`, '/constructor'),
    sent('more than a million bytes', `{"${first}":"${'x'.repeat(1_000_000)}"}`, '', 413),
    sent('a form', 'a=1', 'content-type', 415, { 'content-type': 'application/x-www-form-urlencoded' }),
    sent('text', good, 'content-type', 415, { 'content-type': 'text/plain' }),
    sent('many unknown keys', JSON.stringify(Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`k${index}`, 1]))), '/k0'),
    sent('a huge unknown key', `{"${LONG}":1,${rest}`, `/${LONG.slice(0, 100)}`),
  ];
}

/** Each field of the body with values that its schema does not allow. */
export function badFields({ call, method, path, body }: ValidRequest): BadInput[] {
  const schema = bodyOf(call);
  if (!schema) return [];
  return fieldsOf(schema, []).flatMap(({ place, schema: field, isRequired }) => [
    ...wrongValues(field).map(([name, json]) => ({
      name: `${place.join('.')} is ${name}`,
      method,
      path,
      body: withValue(body, place, json),
      expected: at(400, pointerOf(place)),
    })),
    ...(isRequired
      ? [
          {
            name: `${place.join('.')} is missing`,
            method,
            path,
            body: withValue(body, place, undefined),
            expected: at(400, pointerOf(place)),
          },
        ]
      : []),
  ]);
}

/** Each parameter of the address and header with values that its schema does not allow. */
export function badParameters({ call, method, path, body }: ValidRequest): BadInput[] {
  const [pathname = '', query = ''] = path.split('?');
  return (call.parameters ?? []).flatMap((parameter): BadInput[] => {
    const { name, schema } = parameter;
    const expected = { status: 400, place: `${parameter.in} ${name}` };
    if (parameter.in === 'path') {
      const position = call.path.split('/').indexOf(`{${name}}`);
      return ['x', '%00', '%E0%A4', "'%20OR%201=1", '1e400', `${pathname.split('/')[position]}0`, 'x'.repeat(3_000)].map((value) => ({
        name: `${name} is ${value.slice(0, 20)}`,
        method,
        path: pathname.split('/').with(position, value).join('/') + (query && `?${query}`),
        body,
        expected,
      }));
    }
    if (parameter.in === 'header') {
      return ['short', 'x'.repeat(201), 'has space in it', 'has\ttab-in-it'].map((value) => ({
        name: `${name} is ${value.slice(0, 20)}`,
        method,
        path,
        body,
        headers: { [name]: value },
        expected,
      }));
    }
    const values = wrongValues(schema).flatMap(([what, json]) => {
      const value: unknown = json === '1e400' ? json : JSON.parse(json);
      return typeof value === 'string' || typeof value === 'number' ? [[what, String(value)] as const] : [];
    });
    const rest = new URLSearchParams(query);
    rest.delete(name);
    const others = rest.size === 0 ? '' : `&${rest.toString()}`;
    const said = (what: string, text: string): BadInput => ({
      name: `${name} is ${what}`,
      method,
      path: `${pathname}?${text}${others}`,
      expected,
    });
    return [
      ...values
        .filter(([, value]) => value.length < 5_000 && value.isWellFormed())
        .map(([what, value]) => said(what, `${name}=${encodeURIComponent(value)}`)),
      said('given twice', `${name}=1&${name}=2`),
      said('broken percent-encoding', `${name}=%E0%A4`),
      said('NUL', `${name}=%00`),
      {
        ...said('an unknown parameter', `${new URLSearchParams(query).toString()}&limitt=1`),
        expected: { status: 400, place: 'query limitt' },
      },
    ];
  });
}

function at(status: number, place: string): { status: number; place: string } {
  return { status, place: place === 'content-type' ? 'header content-type' : `body ${place}` };
}

type Field = { place: (string | number)[]; schema: Schema; isRequired: boolean };

/** Every field, also those within lists (in their first entry) and objects. */
function fieldsOf(schema: Schema, place: (string | number)[]): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const here = [...place, name];
    return [
      { place: here, schema: field, isRequired: schema.required?.includes(name) ?? false },
      ...fieldsOf(field, here),
      ...(field.items ? [...fieldsOf(field.items, [...here, 0])] : []),
    ];
  });
}

/** JSON texts that the schema does not allow. */
function wrongValues(schema: Schema): [name: string, json: string][] {
  const types = new Set([schema.type ?? 'string'].flat());
  const kinds: [type: string, json: string][] = [
    ['null', 'null'],
    ['boolean', 'true'],
    ['integer', '12'],
    ['string', '"x"'],
    ['array', '[]'],
    ['object', '{}'],
  ];
  const isNumber = types.has('integer') || types.has('number') || schema.anyOf?.some(({ enum: values }) => values);
  const wrongKinds = kinds
    .filter(([type]) => !types.has(type) && !(type === 'integer' && isNumber))
    .map(([type, json]): [string, string] => [`of type ${type}`, json]);
  return [
    ...wrongKinds,
    ...wrongNumbers(schema, Boolean(isNumber)),
    ...wrongTexts(schema, types.has('string') && !isNumber),
    ...wrongLists(schema),
  ];
}

function wrongNumbers(schema: Schema, isNumber: boolean): [string, string][] {
  if (!isNumber) return [];
  return [
    ['1e400', '1e400'],
    ['-1e400', '-1e400'],
    ['beyond 2^53', '9007199254740993'],
    ['a fraction', '1.5'],
    ['negative', '-1'],
    ['a number as text', '"five"'],
    ...(schema.maximum === undefined || schema.maximum >= Number.MAX_SAFE_INTEGER
      ? []
      : [['above its maximum', String(schema.maximum + 1)] as [string, string]]),
    ...(schema.multipleOf === undefined ? [] : [['off its grid', String((schema.minimum ?? 0) + 1)] as [string, string]]),
  ];
}

function wrongTexts({ format, enum: choices, minLength, pattern, anyOf }: Schema, isText: boolean): [string, string][] {
  if (!isText) return [];
  const bad = (name: string, value: string): [string, string] => [name, JSON.stringify(value)];
  return [
    bad('a huge text', LONG),
    bad('a text with NUL', 'a\u0000b'),
    ['half of a surrogate pair', String.raw`"a\ud800b"`],
    bad('what replaces broken bytes', 'a\uFFFDb'),
    bad('a run of marks', 'a\u0315\u0316'.padEnd(200_000, '\u0315\u0316')),
    ...(minLength || format || choices || pattern ? [bad('blank', '  '), bad('empty', '')] : []),
    ...(choices ? [bad('no choice', 'nonsense'), bad('a property of every object', 'constructor')] : []),
    ...(format === 'uuid'
      ? ['not-an-id', '0199e6ea-ea18-7e88-85e1-078829b56dfg', '{0199e6ea-ea18-7e88-85e1-078829b56df3}'].map((value) => bad(value, value))
      : []),
    ...(format === 'date'
      ? ['2026-02-30', '2026-13-01', '0000-01-01', '9999-12-31', '26-1-1', 'tomorrow'].map((value) => bad(value, value))
      : []),
    ...(format === 'date-time' ? ['2026-02-30T10:00:00Z', '2026-03-02 10:00', 'soon'].map((value) => bad(value, value)) : []),
    ...(anyOf
      ? ['2026-02-30T10:00', '2026-03-02', '2026-03-02T25:00', '2026-03-02T10:02', '0000-01-01T10:00:00Z'].map((value) => bad(value, value))
      : []),
    ...(format === 'email' ? ['nobody', 'a@b', 'a b@example.com'].map((value) => bad(value, value)) : []),
  ];
}

function wrongLists({ items, minItems, maxItems }: Schema): [string, string][] {
  if (!items) return [];
  return [
    ...(minItems ? [['an empty list', '[]'] as [string, string]] : []),
    ...(maxItems ? [['too long a list', `[${Array.from({ length: maxItems + 1 }, () => '{}').join(',')}]`] as [string, string]] : []),
  ];
}

/** The body's JSON with another value at the place, or without the place. */
function withValue(body: unknown, place: (string | number)[], json: string | undefined): string {
  const copy = structuredClone(body) as Record<string | number, unknown>;
  let holder = copy;
  for (const [index, step] of place.slice(0, -1).entries()) {
    holder[step] ??= typeof place[index + 1] === 'number' ? [{}] : {};
    holder = holder[step] as Record<string | number, unknown>;
  }
  const last = place.at(-1) ?? '';
  if (json === undefined) delete holder[last];
  else holder[last] = RAW;
  return JSON.stringify(copy).replace(`"${RAW}"`, () => json ?? '');
}

function pointerOf(place: (string | number)[]): string {
  return place.map((part) => `/${part}`).join('');
}
