import { NOW, type Clinic, type TestDatabase } from '@medspa/testing';
import { testApp } from '../harness.ts';
import { aReachablePatient, messagesOf, queue } from '../messages.ts';
import { exampleRequest, PORTAL_OPERATIONS, requestOf, type ValidRequest } from '../requests.ts';
import { deskOf } from '../visits.ts';
import type { AskerFactory, PatientAsker } from './askers.ts';
import { aCredential, type Name } from './sign-in.ts';

/** A patient, and the child that they stand in for. */
export type Parent = PatientAsker & { childId: string };

/**
 * A request for every operation of patients that is not open to anybody, each asked by a patient of its own; and, where it names a row,
 * the same about the row of a child that this patient stands in for.
 */
export async function portalRequests(
  t: TestDatabase,
  clinic: Clinic,
  make: AskerFactory,
): Promise<{ requests: Map<string, ValidRequest>; ofChild: Map<string, ValidRequest>; askers: Map<string, { patient: Parent }> }> {
  const requests = new Map<string, ValidRequest>();
  const ofChild = new Map<string, ValidRequest>();
  const askers = new Map<string, { patient: Parent }>();
  const desk = testApp(t.database, { as: clinic, now: () => NOW });

  async function aParent(): Promise<Parent & { child: PatientAsker }> {
    const { id } = await aReachablePatient(desk, { birthDate: '1985-03-01' });
    const { id: childId } = await aReachablePatient(desk, { givenName: 'Mia', birthDate: '2018-03-01' });
    await desk.send('POST', `/v1/patients/${childId}/relations`, { relatedId: id, kind: 'parent' });
    const { status, text } = await desk.send('POST', `/v1/patients/${childId}/proxies`, { proxyId: id });
    if (status !== 201) throw new Error(`Nobody stands in: ${text}`);
    return { ...(await make.aPatientAsker({ id })), childId, child: await make.aPatientAsker({ id: childId }) };
  }

  type Asked = Partial<Pick<ValidRequest, 'params' | 'query' | 'body'>>;
  type About = (patient: PatientAsker) => Asked | Promise<Asked>;
  async function ask(name: Name, about: About = () => ({}), isOfChildToo = false): Promise<void> {
    const call = PORTAL_OPERATIONS.get(name);
    if (!call) throw new Error(`There is no operation ${name}.`);
    const { child, ...parent } = await aParent();
    const request = ({ params = {}, query = {}, body }: Asked) =>
      requestOf(call, { params, query, body: body ?? exampleRequest(call).body });
    requests.set(name, request(await about(parent)));
    if (isOfChildToo) ofChild.set(name, request(await about(child)));
    askers.set(name, { patient: parent });
  }
  /** What names a row of a patient. */
  const askOfRow = (name: Name, about: About) => ask(name, about, true);

  let hour = 14;
  const aVisit = async (patientId: string) =>
    (await deskOf(t, { ...clinic, providerIds: [] }, patientId, () => NOW).booked(`2026-03-05T${hour++}:00:00Z`)).id;
  const aMessage = async (patientId: string) => {
    await queue(t, clinic, patientId);
    return (await messagesOf(t, patientId))[0]?.id ?? '';
  };

  await ask('GET /v1/portal/session');
  await ask('DELETE /v1/portal/session');
  await askOfRow('GET /v1/portal/sessions', ({ sessionId }) => ({ query: { cursor: sessionId } }));
  await ask('DELETE /v1/portal/sessions');
  await askOfRow('DELETE /v1/portal/sessions/{id}', async ({ id }) => ({ params: { id: (await make.aPatientAsker({ id })).sessionId } }));
  await askOfRow('GET /v1/portal/patients/{id}', ({ id }) => ({ params: { id } }));
  await askOfRow('PATCH /v1/portal/patients/{id}', ({ id }) => ({ params: { id }, body: { pronouns: 'she/her', version: 1 } }));
  await askOfRow('GET /v1/portal/patients/{id}/appointments', async ({ id }) => ({ params: { id }, query: { cursor: await aVisit(id) } }));
  await askOfRow('GET /v1/portal/patients/{id}/appointments/{appointmentId}', async ({ id }) => ({
    params: { id, appointmentId: await aVisit(id) },
  }));
  await askOfRow('GET /v1/portal/patients/{id}/messages', async ({ id }) => ({ params: { id }, query: { cursor: await aMessage(id) } }));
  await askOfRow('GET /v1/portal/passkeys', ({ passkeyId }) => ({ query: { cursor: passkeyId } }));
  await ask('POST /v1/portal/passkeys/options');
  await ask('POST /v1/portal/passkeys', async ({ headers }) => ({
    body: { name: 'Phone', credential: await aCredential(desk, headers, '/v1/portal') },
  }));
  await askOfRow('DELETE /v1/portal/passkeys/{id}', ({ passkeyId }) => ({ params: { id: passkeyId } }));
  return { requests, ofChild, askers };
}
