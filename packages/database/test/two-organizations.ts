import { randomUUID } from 'node:crypto';
import type { TestDatabase } from '../../../apps/api/test/database.ts';
import { aClinic, aPatient, arrange, type Clinic } from '../../../apps/api/test/factories.ts';
import { testApp } from '../../../apps/api/test/harness.ts';

/** A clinic with at least one row in every tenant table, written by the ways of the service. */
export async function aFullClinic(t: TestDatabase): Promise<Clinic> {
  const clinic = await aClinic(t.database);
  const app = testApp(t.database, { as: clinic, now: () => new Date('2026-03-02T12:00:00Z') });
  const [patientId, relatedId] = [await aPatient(t.database, clinic), await aPatient(t.database, clinic)];
  await arrange(t.database, clinic, async (tx) => {
    const of = { organizationId: clinic.organizationId };
    await tx.patientRelation.create({ data: { ...of, patientId, relatedId, kind: 'sibling' } });
    await tx.servicePrice.create({
      data: {
        ...of,
        serviceId: clinic.serviceId,
        legalEntityId: clinic.legalEntityId,
        effectiveFrom: new Date('2026-01-01'),
        priceCents: 100,
      },
    });
  });
  const booking = {
    locationId: clinic.locationId,
    patientId,
    startsAt: '2026-03-03T15:00:00Z',
    services: [{ serviceId: clinic.serviceId, providerId: clinic.providerId }],
  };
  const booked = await app.send('POST', '/v1/appointments', booking, { 'idempotency-key': randomUUID() });
  const seen = await app.get(`/v1/patients/${patientId}`);
  if (booked.status !== 201 || seen.status !== 200) throw new Error(`The clinic could not be filled: ${booked.text} ${seen.text}`);
  // Rows that nothing refers to yet, for tests that change keys.
  await aPatient(t.database, clinic);
  await arrange(t.database, clinic, async (tx) => {
    const of = { organizationId: clinic.organizationId };
    const { id: staffId } = await tx.staff.create({ data: { ...of, givenName: 'New', familyName: 'Here', jobTitle: 'Injector' } });
    await tx.provider.create({ data: { ...of, staffId, displayName: 'New Here', credential: 'RN' } });
  });
  return clinic;
}
