import {
  Appointment,
  AppointmentHistory,
  Availability,
  AvailabilityQuery,
  BookAppointment,
  CancelAppointment,
  CreateRoom,
  CreateShiftRotation,
  DayQuery,
  EndedShiftRotation,
  EndShiftRotation,
  EventsQuery,
  LocationDay,
  LocationEvents,
  MoveAppointmentOn,
  OffBoarded,
  HistoryQuery,
  PageQuery,
  pageOf,
  RescheduleAppointment,
  Room,
  ShiftRotation,
  ShiftRotationQuery,
  UpdateRoom,
} from '@medspa/contracts';
import {
  createRoute,
  encode,
  IdParam,
  jsonBody,
  jsonReply,
  problems,
  repeatable,
  RepeatableHeader,
  router,
  sqlJson,
} from '../../platform/http.ts';
import * as appointments from './service/appointments.ts';
import * as leaving from './service/leaving.ts';
import { bookAppointment, rescheduleAppointment } from './service/book.ts';
import * as calendar from './service/calendar.ts';

const rules = [
  'in-the-past',
  'patient-inactive',
  'location-inactive',
  'service-not-offered',
  'provider-not-qualified',
  'provider-not-working',
  'room-unsuitable',
] as const;
const localTimes = ['local-time-skipped', 'local-time-repeated'] as const;

const calendarRoutes = router()
  .openapi(
    createRoute({
      method: 'get',
      path: '/rooms',
      needs: 'schedule:read',
      limit: 'read',
      tags: ['Calendar'],
      summary: 'Rooms',
      request: { query: PageQuery },
      responses: { 200: jsonReply('A page', pageOf(Room)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(Room), await calendar.listRooms(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/rooms',
      needs: 'schedule:write',
      limit: 'write',
      tags: ['Calendar'],
      summary: 'Add a room',
      request: { headers: RepeatableHeader, body: jsonBody(CreateRoom) },
      responses: { 201: jsonReply('Added', Room), ...problems('not-found', 'already-exists', 'idempotency-key-reused') },
    }),
    async (c) => c.json(encode(c, Room, await calendar.createRoom(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'patch',
      path: '/rooms/{id}',
      needs: 'schedule:write',
      limit: 'write',
      tags: ['Calendar'],
      summary: 'Change a room',
      request: { params: IdParam, body: jsonBody(UpdateRoom) },
      responses: { 200: jsonReply('As it is now', Room), ...problems('not-found', 'stale-version', 'already-exists') },
    }),
    async (c) => c.json(encode(c, Room, await calendar.updateRoom(c.get('ctx'), c.req.valid('param').id, c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/shift-rotations',
      needs: 'schedule:read',
      limit: 'read',
      tags: ['Calendar'],
      summary: 'Repeating weeks of providers',
      request: { query: ShiftRotationQuery },
      responses: { 200: jsonReply('A page', pageOf(ShiftRotation)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(ShiftRotation), await calendar.listShiftRotations(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/shift-rotations',
      needs: 'schedule:write',
      limit: 'write',
      tags: ['Calendar'],
      summary: 'Give a provider repeating weeks at a location',
      request: { headers: RepeatableHeader, body: jsonBody(CreateShiftRotation) },
      responses: { 201: jsonReply('Added', ShiftRotation), ...problems('not-found', 'in-the-past', 'overlaps', 'idempotency-key-reused') },
    }),
    async (c) =>
      c.json(encode(c, ShiftRotation, await calendar.createShiftRotation(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/shift-rotations/{id}/end',
      needs: 'schedule:write',
      limit: 'write',
      tags: ['Calendar'],
      summary: 'End repeating weeks before a date',
      description:
        'To change the future, end a rotation and add one; past days never change. Visits that were booked stay: the answer counts ' +
        'those that no shift covers any more.',
      request: { params: IdParam, headers: RepeatableHeader, body: jsonBody(EndShiftRotation) },
      responses: {
        200: jsonReply('As it is now, and the visits that it leaves uncovered', EndedShiftRotation),
        ...problems('not-found', 'stale-version', 'in-the-past', 'overlaps', 'rule-violated', 'idempotency-key-reused'),
      },
    }),
    async (c) =>
      c.json(
        encode(
          c,
          EndedShiftRotation,
          await calendar.endShiftRotation(repeatable(c, c.req.valid('json')), c.req.valid('param').id, c.req.valid('json')),
        ),
        200,
      ),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/availability',
      needs: 'schedule:read',
      limit: 'read',
      tags: ['Calendar'],
      summary: 'Open starts of a service',
      request: { query: AvailabilityQuery },
      responses: { 200: jsonReply('Per provider; none is an answer', Availability), ...problems('not-found') },
    }),
    async (c) => sqlJson(c, Availability, await calendar.findAvailability(c.get('ctx'), c.req.valid('query'))),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/locations/{id}/day',
      needs: 'appointment:read',
      limit: 'read',
      tags: ['Calendar'],
      summary: 'One day of a location',
      request: { params: IdParam, query: DayQuery },
      responses: { 200: jsonReply('Every appointment, in order of time', LocationDay), ...problems('not-found') },
    }),
    async (c) =>
      sqlJson(c, LocationDay, await appointments.getLocationDay(c.get('ctx'), c.req.valid('param').id, c.req.valid('query').date)),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/locations/{id}/events',
      needs: 'appointment:read',
      limit: 'read',
      tags: ['Calendar'],
      summary: 'What happened at a location since',
      description: 'Sequence numbers follow the order of commits and have no gaps: whoever has seen `n` has seen everything before.',
      request: { params: IdParam, query: EventsQuery },
      responses: { 200: jsonReply('In order', LocationEvents), ...problems('not-found') },
    }),
    async (c) =>
      c.json(
        encode(c, LocationEvents, await appointments.listLocationEvents(c.get('ctx'), c.req.valid('param').id, c.req.valid('query'))),
        200,
      ),
  );

const appointmentRoutes = router()
  .openapi(
    createRoute({
      method: 'post',
      path: '/appointments',
      needs: 'appointment:write',
      limit: 'write',
      tags: ['Appointments'],
      summary: 'Book a visit',
      request: { headers: RepeatableHeader, body: jsonBody(BookAppointment) },
      responses: {
        201: jsonReply('Booked', Appointment),
        ...problems('slot-taken', 'not-found', ...rules, ...localTimes, 'idempotency-key-reused'),
      },
    }),
    async (c) => sqlJson(c, Appointment, await bookAppointment(repeatable(c, c.req.valid('json')), c.req.valid('json')), 201),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/patients/{id}/appointments',
      needs: 'appointment:read',
      limit: 'read',
      tags: ['Appointments'],
      summary: 'The visits of a patient',
      request: { params: IdParam, query: PageQuery },
      responses: { 200: jsonReply('A page, the latest start first', pageOf(Appointment)), ...problems('not-found') },
    }),
    async (c) =>
      sqlJson(
        c,
        pageOf(Appointment),
        await appointments.listPatientAppointments(c.get('ctx'), c.req.valid('param').id, c.req.valid('query')),
      ),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/providers/{id}/appointments',
      needs: 'appointment:read',
      limit: 'read',
      tags: ['Appointments'],
      summary: 'Visits of a provider that are not over, to be given to others when they leave',
      request: { params: IdParam, query: PageQuery },
      responses: { 200: jsonReply('The next one first', pageOf(Appointment)), ...problems('not-found') },
    }),
    async (c) =>
      sqlJson(c, pageOf(Appointment), await leaving.listProviderAppointments(c.get('ctx'), c.req.valid('param').id, c.req.valid('query'))),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/staff/{id}/off-boarding',
      needs: 'access:write',
      limit: 'write',
      tags: ['Access'],
      summary: "End somebody's work here: signed in nowhere, no role, no bookings, from the next request on",
      request: { params: IdParam },
      responses: {
        200: jsonReply('They, and what they leave behind', OffBoarded),
        ...problems('beyond-own-access', 'not-found', 'last-owner'),
      },
    }),
    async (c) => sqlJson(c, OffBoarded, await leaving.offBoardStaff(c.get('ctx'), c.req.valid('param').id)),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/appointments/{id}',
      needs: 'appointment:read',
      limit: 'read',
      tags: ['Appointments'],
      summary: 'A visit',
      request: { params: IdParam },
      responses: { 200: jsonReply('The appointment', Appointment), ...problems('not-found') },
    }),
    async (c) => sqlJson(c, Appointment, await appointments.getAppointment(c.get('ctx'), c.req.valid('param').id)),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/appointments/{id}/history',
      needs: 'appointment:read',
      limit: 'read',
      tags: ['Appointments'],
      summary: 'Everything that happened to a visit',
      description: 'Read on with `after` the last version of the answer until nothing comes.',
      request: { params: IdParam, query: HistoryQuery },
      responses: { 200: jsonReply('Oldest first', AppointmentHistory), ...problems('not-found') },
    }),
    async (c) =>
      sqlJson(c, AppointmentHistory, await appointments.getAppointmentHistory(c.get('ctx'), c.req.valid('param').id, c.req.valid('query'))),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/appointments/{id}/reschedule',
      needs: 'appointment:write',
      limit: 'write',
      tags: ['Appointments'],
      summary: 'Move a visit',
      description: 'A visit that was confirmed is `booked` again: nobody has confirmed the new time.',
      request: { params: IdParam, headers: RepeatableHeader, body: jsonBody(RescheduleAppointment) },
      responses: {
        200: jsonReply('As it is now', Appointment),
        ...problems('slot-taken', 'not-found', 'stale-version', 'wrong-status', ...rules, ...localTimes, 'idempotency-key-reused'),
      },
    }),
    async (c) =>
      sqlJson(
        c,
        Appointment,
        await rescheduleAppointment(repeatable(c, c.req.valid('json')), c.req.valid('param').id, c.req.valid('json')),
      ),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/appointments/{id}/cancel',
      needs: 'appointment:write',
      limit: 'write',
      tags: ['Appointments'],
      summary: 'Cancel a visit',
      request: { params: IdParam, headers: RepeatableHeader, body: jsonBody(CancelAppointment) },
      responses: {
        200: jsonReply('As it is now', Appointment),
        ...problems('not-found', 'stale-version', 'wrong-status', 'idempotency-key-reused'),
      },
    }),
    async (c) =>
      sqlJson(
        c,
        Appointment,
        await appointments.cancelAppointment(repeatable(c, c.req.valid('json')), c.req.valid('param').id, c.req.valid('json')),
      ),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/appointments/{id}/transitions',
      needs: 'appointment:write',
      limit: 'write',
      tags: ['Appointments'],
      summary: 'Take a visit a step on',
      description:
        'Nobody arrives before the local day of the visit, and nobody is a no-show before its start. `undo-no-show` takes a no-show back: ' +
        'the visit is `booked` again and has its time, unless that was given to somebody else.',
      request: { params: IdParam, headers: RepeatableHeader, body: jsonBody(MoveAppointmentOn) },
      responses: {
        200: jsonReply('As it is now', Appointment),
        ...problems('slot-taken', 'not-found', 'stale-version', 'wrong-status', 'too-early', 'idempotency-key-reused'),
      },
    }),
    async (c) =>
      sqlJson(
        c,
        Appointment,
        await appointments.moveAppointmentOn(repeatable(c, c.req.valid('json')), c.req.valid('param').id, c.req.valid('json')),
      ),
  );

export const schedulingRoutes = router().route('/', calendarRoutes).route('/', appointmentRoutes);
