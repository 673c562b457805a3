import type { AppointmentAction, ProblemDocument } from '@medspa/contracts';
import { aClinic, aPatient, NOW, type Clinic, type ClinicOptions, type TestDatabase } from '@medspa/testing';
import { testApp, type Answer, type TestApp } from './harness.ts';

/** An appointment on the wire. */
export type Visit = {
  id: string;
  status: string;
  startsAt: string;
  endsAt: string;
  version: number;
  cancelReason: string | null;
  services: { id: string; serviceId: string; providerId: string; roomId: string | null; startsAt: string; endsAt: string }[];
};
export type VisitAnswer = Answer<Visit & ProblemDocument>;

/** A clinic, its app, and the calls that tests of appointments make. */
export type Desk = {
  clinic: Clinic & { providerIds: string[] };
  app: TestApp;
  /** A patient of the clinic; bookings are theirs unless told otherwise. */
  patientId: string;
  aPatient: () => Promise<string>;
  book: (startsAt: string, changes?: object) => Promise<VisitAnswer>;
  /** Books, and throws when that is refused. */
  booked: (startsAt: string, changes?: object) => Promise<Visit>;
  move: (visit: Visit, startsAt: string, changes?: object) => Promise<VisitAnswer>;
  cancel: (visit: Visit, changes?: object) => Promise<VisitAnswer>;
  step: (visit: Visit, action: Exclude<AppointmentAction, 'cancel' | 'reschedule'>, changes?: object) => Promise<VisitAnswer>;
  read: (visit: Visit) => Promise<Visit>;
  /** The same desk at another moment. */
  at: (moment: string) => Desk;
};

export async function openDesk(t: TestDatabase, options: ClinicOptions = {}, now: () => Date = () => NOW): Promise<Desk> {
  const clinic = await aClinic(t.database, options);
  return deskOf(t, clinic, await aPatient(t.database, clinic), now);
}

/** The same clinic as seen by another app, for example at another time. */
export function deskOf(t: TestDatabase, clinic: Desk['clinic'], patientId: string, now: () => Date): Desk {
  const app = testApp(t.database, { as: clinic, now });
  const { locationId, serviceId, providerId } = clinic;
  const send = (path: string, body: object) => app.send<Visit & ProblemDocument>('POST', `/v1/appointments${path}`, body);
  const book: Desk['book'] = (startsAt, changes = {}) =>
    send('', { locationId, patientId, startsAt, services: [{ serviceId, providerId }], ...changes });
  return {
    clinic,
    app,
    patientId,
    aPatient: () => aPatient(t.database, clinic),
    book,
    booked: async (startsAt, changes) => {
      const { status, body, text } = await book(startsAt, changes);
      if (status !== 201) throw new Error(`Not booked: ${text}`);
      return body;
    },
    move: ({ id, version }, startsAt, changes = {}) =>
      send(`/${id}/reschedule`, { startsAt, reason: 'patient_request', version, ...changes }),
    cancel: ({ id, version }, changes = {}) => send(`/${id}/cancel`, { reason: 'patient_request', version, ...changes }),
    step: ({ id, version }, action, changes = {}) => send(`/${id}/transitions`, { action, version, ...changes }),
    at: (moment) => deskOf(t, clinic, patientId, () => new Date(moment)),
    read: async ({ id }) => (await app.get<Visit>(`/v1/appointments/${id}`)).body,
  };
}

/** Claims of an appointment by resource, with their ranges. */
export function claimsOf(t: TestDatabase, visit: Pick<Visit, 'id'>) {
  return t.look<{ resource_id: string; since: Date; until: Date }>(
    'SELECT resource_id, lower(during) AS since, upper(during) AS until FROM claim WHERE appointment_id = $1 ORDER BY since, until, resource_id',
    [visit.id],
  );
}
