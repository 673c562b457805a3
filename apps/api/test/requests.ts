import type { FieldPermission } from '@medspa/contracts';
import type { Database } from '@medspa/database';
import { aNewProvider, aPatient, aProvider, arrange, NOW, testCodec, type Clinic } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { openApiDocument } from '../src/app.ts';
import { exampleAddress, exampleBody } from '../src/platform/documentation/example.ts';
import { callsOf, type Call, type Schema } from '../src/platform/documentation/openapi.ts';
import { testApp, type TestApp } from './harness.ts';
import { queue } from './messages.ts';

const document = openApiDocument('');

const calls = callsOf(document).map((call) => [`${call.method.toUpperCase()} ${call.path}`, call] as const);
const isOfSignIn = ([, { path }]: (typeof calls)[number]) =>
  /^\/v1\/(setup$|(sessions?|passkeys|password-resets|devices?|kiosk|check-in|api-keys)(\/|$)|invitations\/acceptance$)/.test(path);

const isOfPortal = ([, { path }]: (typeof calls)[number]) => path.startsWith('/v1/portal/');

/** Every operation that staff ask for by its name, such as `POST /v1/rooms`, but those of sign-in. */
export const OPERATIONS = new Map(calls.filter((call) => !isOfSignIn(call) && !isOfPortal(call)));
/** Operations of patients, who have a session of their own (access-matrix/portal.ts). */
export const PORTAL_OPERATIONS = new Map(calls.filter(isOfPortal));
/** Operations that are about who asks: they need a session, a device or a proof (access-matrix/sign-in.ts), or lead to one. */
export const SIGN_IN_OPERATIONS = new Map(calls.filter(isOfSignIn));

type Parts = { params: Record<string, string>; query: Record<string, string>; body: Record<string, unknown> | undefined };
/** A request for one operation, in its parts and as it is sent. */
export type ValidRequest = Parts & { call: Call; method: string; path: string };

export function requestOf(call: Call, { params, query, body }: Parts): ValidRequest {
  const filled = call.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '');
  const search = new URLSearchParams(query).toString();
  return { call, params, query, body, method: call.method.toUpperCase(), path: search === '' ? filled : `${filled}?${search}` };
}

/** The permissions that fields of a schema take, beside the one of its operation. */
export function fieldPermissionsOf(schema: Schema | undefined): FieldPermission[] {
  if (!schema) return [];
  const own = schema['x-permission'] ? [schema['x-permission']] : [];
  const below = [...Object.values(schema.properties ?? {}), ...(schema.items ? [schema.items] : [])];
  return [...new Set([...own, ...below.flatMap(fieldPermissionsOf)])];
}

/** A request that is as documented and names nobody's rows. */
export function exampleRequest(call: Call): ValidRequest {
  const params = { id: newId() };
  return requestOf(call, { params, query: {}, body: exampleBody(document, call) as Record<string, unknown> | undefined });
}

/** Of all that were made: names in them are nobody else's. */
let requests = 0;

/**
 * A request for every operation that the service answers with success, each with rows of its own to work on, so that they can
 * be sent in any order. The documentation's examples with the clinic's ids; every place that takes an id has one.
 */
export async function validRequests(database: Database, clinic: Clinic, now = NOW): Promise<Map<string, ValidRequest>> {
  const day = (ahead: number) => new Date(now.getTime() + ahead * 86_400_000).toISOString().slice(0, 10);
  const [patientId, relatedId, formerId] = [
    await aPatient(database, clinic),
    await aPatient(database, clinic),
    await aPatient(database, clinic),
  ];
  const { providerId: newcomerId, rotationId } = await arrange(database, clinic, (tx) => aProvider(tx, clinic));
  const idleId = await arrange(database, clinic, (tx) => aNewProvider(tx, clinic));
  const app = testApp(database, { as: clinic, now: () => now });
  await app.send('POST', `/v1/patients/${patientId}/relations`, { relatedId: formerId, kind: 'other' });
  // A minor with a parent who will act for them and one who does.
  const child = await app.send<{ id: string }>('POST', '/v1/patients', { givenName: 'Mia', familyName: 'Minor', birthDate: day(-3_000) });
  const [proxyId, formerProxyId] = [await aPatient(database, clinic), await aPatient(database, clinic)];
  for (const parentId of [proxyId, formerProxyId])
    await app.send('POST', `/v1/patients/${child.body.id}/relations`, { relatedId: parentId, kind: 'parent' });
  const stand = await app.send<{ id: string }>('POST', `/v1/patients/${child.body.id}/proxies`, { proxyId: formerProxyId });
  const visit = (hour: number) => book(app, clinic, patientId, `${day(1)}T${hour}:00:00Z`);
  const [read, moved, cancelled, confirmed] = [await visit(15), await visit(16), await visit(17), await visit(18)];

  const words = { kind: 'appointment.reminder', channel: 'email', title: 'Soon', body: 'On {{appointment.date}}.' };
  const template = await app.send<{ id: string }>('POST', '/v1/message-templates', words);
  await queue({ database }, clinic, patientId);
  const said = await app.get<{ items: { id: string }[] }>(`/v1/patients/${patientId}/messages`);
  const accessId = await anEmergencyAccess(database, clinic, patientId, now);
  const planned = await plan(app, clinic, day(30));

  const [access, leaving, gone] = [await people(app, clinic), await aLeaver(app), await aLeaver(app)];
  await app.send('POST', `/v1/staff/${gone}/off-boarding`);
  const { roomIds, ...own } = clinic;
  const { serviceId, providerId } = clinic;
  const [roomId = ''] = roomIds;
  const ids: Record<string, string> = {
    ...own,
    proxyId,
    rotationId,
    patientId,
    relatedId,
    roomId,
    staffId: clinic.actorId,
    role: access.roleId,
  };
  const owners: [path: RegExp, id: string][] = [
    [/reschedule$/, moved.id],
    [/cancel$/, cancelled.id],
    [/transitions$/, confirmed.id],
    [/^\/v1\/appointments/, read.id],
    [/^\/v1\/legal-entities/, clinic.legalEntityId],
    [/^\/v1\/locations/, clinic.locationId],
    [/off-boarding$/, leaving],
    [/reinstatement$/, gone],
    [/^\/v1\/staff/, clinic.actorId],
    [/^\/v1\/custom-roles/, access.unusedRoleId],
    [/^\/v1\/role-assignments/, access.assignmentId],
    [/^\/v1\/invitations/, access.invitationId],
    [/^\/v1\/providers/, clinic.providerId],
    [/^\/v1\/room-types/, clinic.roomTypeId],
    [/(termsId|priceId)\}$/, planned.id],
    [/^\/v1\/services/, clinic.serviceId],
    [/^\/v1\/rooms/, roomId],
    [/^\/v1\/shift-rotations/, rotationId],
    [/^\/v1\/message-templates/, template.body.id],
    [/proxies(\/|$)/, child.body.id],
    [/^\/v1\/emergency-accesses/, accessId],
    [/^\/v1\/patients/, patientId],
  ];
  const changes: Record<string, object> = {
    'POST /v1/appointments': { startsAt: `${day(2)}T10:00`, services: [{ serviceId, providerId, roomId }] },
    'POST /v1/appointments/{id}/reschedule': {
      startsAt: `${day(2)}T14:00`,
      assignments: [{ id: moved.segmentId, providerId, roomId }],
    },
    'POST /v1/shift-rotations': { providerId: idleId, locationId: clinic.locationId, effectiveFrom: day(1), effectiveUntil: day(60) },
    'POST /v1/shift-rotations/{id}/end': { effectiveUntil: day(7) },
    'POST /v1/patients/search': { cursor: patientId },
    'PATCH /v1/patients/{id}': { isActive: true },
    'POST /v1/patients/{id}/proxies': { startsAt: now.toISOString(), endsAt: `${day(30)}T12:00:00Z` },
    // Nobody gives more than they hold, and whoever asks here may hold nothing but this.
    'POST /v1/custom-roles': { permissions: ['access:write'] },
    'PATCH /v1/custom-roles/{id}': { permissions: ['access:write'] },
    'POST /v1/invitations': { staffId: access.newcomerId, delivery: 'link' },
  };

  /** Pages of what the path names begin after a row of their own. */
  const cursors: Record<string, string> = {
    'GET /v1/patients/{id}/appointments': read.id,
    'GET /v1/patients/{id}/proxies': stand.body.id,
    'GET /v1/providers/{id}/appointments': read.id,
    'GET /v1/patients/{id}/messages': said.body.items[0]?.id ?? '',
  };

  return new Map(
    [...OPERATIONS].map(([name, call]) => {
      const id = owners.find(([path]) => path.test(call.path))?.[1] ?? '';
      const cursor = cursors[name] ?? id;
      // A relation that is there, and a provider who learns the service or, needed by no booking, unlearns it.
      const params = {
        ...planned,
        id,
        proxyId: formerProxyId,
        relatedId: formerId,
        providerId: call.method === 'put' ? idleId : newcomerId,
      };
      // Of a query also what may be left out.
      const parameters = (call.parameters ?? []).map((parameter) => ({ ...parameter, required: true }));
      const query = [...new URLSearchParams(exampleAddress(document, { ...call, parameters }).split('?')[1])];
      const body = exampleBody(document, call);
      return [
        name,
        requestOf(call, {
          params,
          query: Object.fromEntries(query.map(([key, value]) => [key, { ...ids, cursor }[key] ?? value])),
          body: body === undefined ? undefined : { ...(withIds(body, ids, requests++) as object), ...changes[name] },
        }),
      ];
    }),
  );
}

/** Of somebody else than the clinic's actor, who may review it. */
async function anEmergencyAccess(database: Database, { organizationId, actorId }: Clinic, patientId: string, beginsAt: Date) {
  const id = newId();
  const after = (hours: number) => new Date(beginsAt.getTime() + hours * 3_600_000);
  await testCodec(database).prepare(organizationId);
  const place = { organizationId, table: 'emergency_access', column: 'reason_sealed', rowId: id };
  await arrange(database, { organizationId, actorId }, async (tx) => {
    const { id: staffId } = await tx.staff.create({
      data: { organizationId, givenName: 'Nora', familyName: 'Night', jobTitle: 'Injector' },
    });
    await tx.emergencyAccess.create({
      data: {
        organizationId,
        id,
        staffId,
        patientId,
        reasonSealed: testCodec(database).seal(place, 'She called at night.'),
        beginsAt,
        endsAt: after(1),
        reviewDueAt: after(72),
      },
    });
  });
  return id;
}

async function book(app: TestApp, { locationId, serviceId, providerId }: Clinic, patientId: string, startsAt: string) {
  const visit = { locationId, patientId, startsAt, services: [{ serviceId, providerId }] };
  const { status, body, text } = await app.send<{ id: string; services: { id: string }[] }>('POST', '/v1/appointments', visit);
  if (status !== 201) throw new Error(`A visit could not be booked: ${text}`);
  return { id: body.id, segmentId: body.services[0]?.id ?? '' };
}

/** Roles of its own, one that somebody has and one that nobody has, and two people with an address, one of them invited. */
async function people(app: TestApp, { actorId }: Clinic) {
  const made = async (path: string, body: object) => (await app.send<{ id: string; invitation: { id: string } }>('POST', path, body)).body;
  const hire = (email: string) => made('/v1/staff', { givenName: 'Nia', familyName: 'Newest', jobTitle: 'Front desk', email });
  const role = (name: string) => made('/v1/custom-roles', { name: `${name} ${requests}`, permissions: ['access:write'] });
  const [{ id: roleId }, { id: heldId }, { id: unusedRoleId }] = [await role('To give'), await role('Held'), await role('Unused')];
  const { id: assignmentId } = await made('/v1/role-assignments', { staffId: actorId, role: heldId });
  const [invited, newcomer] = [await hire(`invited${requests}@clinic.example`), await hire(`newcomer${requests}@clinic.example`)];
  const { invitation } = await made('/v1/invitations', { staffId: invited.id, delivery: 'link' });
  return { roleId, unusedRoleId, assignmentId, newcomerId: newcomer.id, invitationId: invitation.id };
}

/** Somebody who may leave. */
async function aLeaver(app: TestApp): Promise<string> {
  return (await app.send<{ id: string }>('POST', '/v1/staff', { givenName: 'Lee', familyName: 'Leaver', jobTitle: 'Biller' })).body.id;
}

/** A service whose terms and price are yet to begin. */
async function plan(app: TestApp, { legalEntityId }: Clinic, effectiveFrom: string) {
  type Planned = { id: string; terms: { id: string }[]; prices: { id: string }[] };
  const terms = { effectiveFrom, durationMinutes: 30 };
  const { id } = (await app.send<Planned>('POST', '/v1/services', { name: `Planned ${requests}`, category: 'Skin', terms })).body;
  const price = { legalEntityId, effectiveFrom, price: { amount: 42_000, currency: 'USD' } };
  const { body } = await app.send<Planned>('POST', `/v1/services/${id}/prices`, price);
  return { id, termsId: body.terms[0]?.id ?? '', priceId: body.prices[0]?.id ?? '' };
}

/** The clinic's ids where the example has made-up ones, and names that nobody else has. */
function withIds(value: unknown, ids: Record<string, string>, index: number): unknown {
  if (Array.isArray(value)) return value.map((item) => withIds(item, ids, index));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key === 'name') return [key, `${String(inner)} ${index}`];
      if (key === 'email') return [key, `someone${index}@example.com`];
      return [key, ids[key] ?? withIds(inner, ids, index)];
    }),
  );
}
