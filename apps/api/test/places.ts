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
  const body = bodyOf(call);
  return [...inParameters, ...(body ? below(body, 'body', isId) : [])];
}

/** Every object of a body: itself, those in its fields, and the first of each list. */
export function objectPlaces(call: Call): string[] {
  const body = bodyOf(call);
  return body ? below(body, 'body', ({ properties }) => properties !== undefined) : [];
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

function below(schema: Schema, place: string, isWanted: (schema: Schema) => boolean): string[] {
  const found = [
    ...(isWanted(schema) ? [place] : []),
    ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) => below(value, `${place}/${key}`, isWanted)),
    ...(schema.items ? below(schema.items, `${place}/0`, isWanted) : []),
    ...(schema.anyOf ?? []).flatMap((one) => below(one, place, isWanted)),
  ];
  return [...new Set(found)];
}
