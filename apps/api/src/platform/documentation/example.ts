import { createHash } from 'node:crypto';
import { bodyOf, objectOf, successOf, type Call, type OpenApi, type Schema } from './openapi.ts';

// Example values that a reader can picture, chosen by the name of a field; a schema's own example wins.

const BY_NAME: Record<string, unknown> = {
  actorKind: 'staff',
  action: 'confirm',
  amount: 42_000,
  anchorDate: '2026-03-02',
  birthDate: '1988-04-12',
  bufferAfterMinutes: 5,
  category: 'Injectables',
  city: 'Portland',
  country: 'US',
  credential: 'RN',
  currency: 'USD',
  detail: 'Unknown key.',
  displayName: 'Noor Haddad, RN',
  durationMinutes: 30,
  effectiveFrom: '2026-03-02',
  email: 'maya@example.com',
  familyName: 'Lindqvist',
  givenName: 'Maya',
  imported: 2,
  jobTitle: 'Injector',
  limit: 50,
  note: 'Prefers the quiet room.',
  patientName: 'Maya Lindqvist',
  phone: '+1 212 555 0100',
  pointer: '/price',
  postalCode: '04101',
  preferredName: 'May',
  pronouns: 'she/her',
  providerName: 'Noor Haddad, RN',
  region: 'ME',
  roomName: 'Room 2',
  sequence: 12,
  serviceName: 'Lip filler',
  slotMinutes: 15,
  sourceId: 'chart-1042',
  street: '12 Harbor Street',
  timeZone: 'America/New_York',
  title: 'The request does not have the documented form.',
  to: '2026-03-06',
  weeks: 1,
  week: 0,
  weekday: 1,
};

/** What "name" is called depends on whose it is. */
const NAMES: Record<string, string> = {
  Organization: 'Harbor Aesthetics',
  LegalEntity: 'Harbor Aesthetics LLC',
  Location: 'Harbor Street',
  CustomRole: 'Stock keeper',
  RoomType: 'Treatment',
  Room: 'Room 2',
  Service: 'Lip filler',
  PatientSummary: 'lind',
};

/** Left out of request examples: what a first request rarely needs. */
const RARE = new Set(['anchorDate', 'assignments', 'cursor', 'deceasedOn', 'effectiveUntil', 'isActive', 'preferredName', 'roomId']);

type Setting = { document: OpenApi; owner: string | undefined; isRequest: boolean };

/** A body that the call accepts, as far as its form goes. */
export function exampleBody(document: OpenApi, call: Call): unknown {
  const schema = bodyOf(call);
  return schema && exampleOf(schema, '', { document, owner: objectOf(successOf(call).schema), isRequest: true });
}

/** A believable answer of the call. */
export function exampleReply(document: OpenApi, call: Call): unknown {
  const { schema } = successOf(call);
  return schema && exampleOf(schema, '', { document, owner: objectOf(schema), isRequest: false });
}

/** A believable object of this name. */
export function exampleObject(document: OpenApi, name: string): unknown {
  return exampleOf({ $ref: `#/components/schemas/${name}` }, '', { document, owner: name, isRequest: false });
}

/** The call's address with its parameters filled in; optional ones stay away. */
export function exampleAddress(document: OpenApi, call: Call): string {
  const setting = { document, owner: undefined, isRequest: true };
  const value = (name: string, schema: Schema) => String(exampleOf(schema, name, setting));
  const parameters = call.parameters ?? [];
  const path = parameters
    .filter((parameter) => parameter.in === 'path')
    .reduce((text, { name, schema }) => text.replace(`{${name}}`, value(name, schema)), call.path);
  const query = parameters
    .filter((parameter) => parameter.in === 'query' && parameter.required)
    .map(({ name, schema }) => `${name}=${encodeURIComponent(value(name, schema))}`);
  return query.length === 0 ? path : `${path}?${query.join('&')}`;
}

function exampleOf(schema: Schema, name: string, setting: Setting): unknown {
  const { document, isRequest } = setting;
  if (schema.$ref) {
    const owner = schema.$ref.split('/').at(-1) ?? '';
    return exampleOf(document.components.schemas[owner] ?? {}, name, { ...setting, owner });
  }
  if (schema.properties) {
    return Object.fromEntries(
      Object.entries(schema.properties)
        .filter(([key]) => !isRequest || schema.required?.includes(key) || !RARE.has(key))
        .map(([key, field]) => [key, exampleOf(field, key, (field.items ?? field).properties ? { ...setting, owner: key } : setting)]),
    );
  }
  if (schema.items) return [exampleOf(schema.items, name, setting)];
  if (!isRequest && schema.default === undefined && isEnding(name, schema)) return null;
  return schema.examples?.[0] && name !== 'endsAt' && !(name in BY_NAME) ? schema.examples[0] : named(schema, name, setting);
}

/** Ends and cancellations have not happened yet in an example. */
function isEnding(name: string, { type }: Schema): boolean {
  return (
    Array.isArray(type) && type.includes('null') && /^(nextCursor|effectiveUntil|cancelReason|deceasedOn|mergedIntoId|reason)$/.test(name)
  );
}

function named(schema: Schema, name: string, { owner, isRequest }: Setting): unknown {
  const { format, type } = schema;
  if (name === 'name') return NAMES[owner ?? ''] ?? 'Maya Lindqvist';
  if (name === 'endsAt') return format === 'date-time' ? '2026-03-02T15:30:00Z' : '17:00';
  const choices = schema.enum ?? schema.anyOf?.flatMap((choice) => choice.enum ?? []) ?? [];
  if (name in BY_NAME && (choices.length === 0 || (choices as unknown[]).includes(BY_NAME[name]))) return BY_NAME[name];
  if (choices.length > 0) return choices[0];
  if (schema.default !== undefined && isRequest) return schema.default;
  if (format === 'uuid') return idOf(name === 'id' || name === 'subjectId' ? (owner ?? name) : name);
  if (format === 'date-time') return '2026-03-02T15:00:00Z';
  if (format === 'date') return '2026-03-02';
  if (schema.pattern && name === 'idempotency-key') return 'desk-7f3a9c41';
  if (hasType(type, 'boolean')) return name === 'isActive';
  if (hasType(type, 'integer') || hasType(type, 'number')) return schema.minimum ?? 1;
  if (hasType(type, 'object')) return {};
  return name;
}

function hasType(type: Schema['type'], wanted: string): boolean {
  return Array.isArray(type) ? type.includes(wanted) : type === wanted;
}

/** The same name has the same id on the whole page. */
function idOf(name: string): string {
  const hex = createHash('sha256').update(name.toLowerCase().replace(/id$/, '')).digest('hex');
  return `0199${hex.slice(0, 4)}-${hex.slice(4, 8)}-7${hex.slice(8, 11)}-8${hex.slice(11, 14)}-${hex.slice(14, 26)}`;
}
