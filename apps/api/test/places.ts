import { bodyOf, type Call, type Schema } from '../src/platform/documentation/openapi.ts';
import { requestOf, type ValidRequest } from './requests.ts';

// Places of a request, such as `params/id` or `body/services/0/serviceId`, and what stands there.

/** A copy of the request with another value at a place; without the place, where the value is undefined. */
export function withValue({ call, params, query, body }: ValidRequest, place: string, value: unknown): ValidRequest {
  const copy = structuredClone({ params, query, body });
  const keys = place.split('/');
  const last = keys.pop() ?? '';
  let node = copy as Record<string, unknown>;
  for (const key of keys) node = node[key] as Record<string, unknown>;
  if (value === undefined) delete node[last];
  // Also `__proto__` as a key like any other.
  else Object.defineProperty(node, last, { value, enumerable: true, configurable: true, writable: true });
  return requestOf(call, copy);
}

/** The id at a place of the request. */
export function idAt(request: ValidRequest, place: string): string {
  const id = place.split('/').reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], request);
  if (typeof id !== 'string') throw new Error(`The request for ${request.call.anchor} has no id at ${place}.`);
  return id;
}

/** Every place of a request that holds an id, in path, query and body. */
export function idPlaces(call: Call): string[] {
  const inParameters = (call.parameters ?? [])
    .filter(({ schema }) => isId(schema))
    .map(({ in: place, name }) => `${place === 'path' ? 'params' : place}/${name}`);
  const inBody = schemasOf(call).flatMap(([place, schema]) => (isId(schema) ? [place] : []));
  return [...new Set([...inParameters, ...inBody])];
}

/** Every object of a body (itself, those in its fields, the first of each list), and the keys that it may have. */
export function objectPlaces(call: Call): Map<string, Set<string>> {
  const objects = schemasOf(call).filter(([, { properties }]) => properties !== undefined);
  const byPlace = Map.groupBy(objects, ([place]) => place);
  return new Map([...byPlace].map(([place, all]) => [place, new Set(all.flatMap(([, schema]) => Object.keys(schema.properties ?? {})))]));
}

/** How a refusal names a place. */
export function errorPlace(place: string): { in: string; pointer: string } {
  const [root = '', ...path] = place.split('/');
  if (root === 'body') return { in: 'body', pointer: path.map((key) => `/${key}`).join('') };
  return { in: root === 'params' ? 'path' : root, pointer: path.join('.') };
}

function isId({ format }: Schema): boolean {
  return format === 'uuid';
}

/** Every schema of a body with its place. */
function schemasOf(call: Call): [string, Schema][] {
  const body = bodyOf(call);
  return body ? schemasIn(body, 'body') : [];
}

function schemasIn(schema: Schema, place: string): [string, Schema][] {
  return [
    [place, schema],
    ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) => schemasIn(value, `${place}/${key}`)),
    ...(schema.items ? schemasIn(schema.items, `${place}/0`) : []),
    ...(schema.anyOf ?? []).flatMap((one) => schemasIn(one, place)),
  ];
}
