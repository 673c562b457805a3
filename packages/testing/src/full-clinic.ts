import { randomBytes, randomInt } from 'node:crypto';
import { sql, type Database } from '@medspa/database';
import { v7 as newId } from 'uuid';
import { eventually } from './eventually.ts';
import { testCodec } from './keys.ts';
import { aClinic, aNewProvider, aPatient, arrange, NOW, sessionIn, type Clinic } from './factories.ts';

/** A clinic with at least one row in every tenant table, written at the doors and by the verbs that the service uses. */
export async function aFullClinic(database: Database): Promise<Clinic> {
  const clinic = await aClinic(database);
  const { organizationId, actorId, legalEntityId, locationId, serviceId, providerId } = clinic;
  const loginKey = randomBytes(16);
  const codec = testCodec(database);
  await codec.prepare(organizationId);
  const [deviceId, keyId] = [newId(), newId()];
  const [patientId, relatedId] = [await aPatient(database, clinic), await aPatient(database, clinic)];
  await arrange(database, clinic, async (tx) => {
    await tx.patientRelation.create({ data: { organizationId, patientId, relatedId, kind: 'sibling' } });
    await tx.servicePrice.create({
      data: { organizationId, serviceId, legalEntityId, effectiveFrom: new Date('2026-01-01'), priceCents: 100 },
    });
    await tx.messageTemplate.create({
      data: { organizationId, kind: 'appointment.reminder', channel: 'sms', revision: 1, body: 'See you on {{appointment.date}}.' },
    });
    await tx.messagePolicy.create({
      data: {
        organizationId,
        revision: 1,
        forbiddenWords: ['toxin'],
        quietFrom: new Date('1970-01-01T21:00:00Z'),
        quietUntil: new Date('1970-01-01T08:00:00Z'),
      },
    });
    const consent = { organizationId, table: 'message_consent', column: 'address_sealed', rowId: newId() };
    await tx.messageConsent.create({
      data: {
        organizationId,
        id: consent.rowId,
        channel: 'sms',
        purpose: 'marketing',
        isGranted: true,
        source: 'staff',
        at: NOW,
        addressSealed: codec.seal(consent, '+1 555 0100'),
        addressIndex: Buffer.from(newId()),
      },
    });
    const message = {
      key: newId(),
      kind: 'appointment.reminder',
      purpose: 'transactional',
      patientId,
      locationId,
      aboutId: newId(),
      details: {},
      isUrgent: false,
      sendAfter: '2030-01-01T00:00:00Z',
      expiresAt: '2030-01-02T00:00:00Z',
    };
    await tx.$executeRaw`SELECT app.queue_message(${JSON.stringify(message)}::jsonb)`;
    const staff = { organizationId, staffId: actorId };
    const session = { organizationId, id: newId(), tokenHash: randomBytes(32), device: 'Firefox, Linux', idleMinutes: 15 };
    const role = await tx.customRole.create({ data: { organizationId, name: 'Stock keeper', permissions: ['catalog:read'] } });
    await tx.staffRole.create({ data: { ...staff, customRoleId: role.id, locationId } });
    await tx.staffAccount.create({ data: { ...staff, loginKey, passwordChangedAt: NOW } });
    await tx.staffSecret.create({ data: { ...staff, passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$nobody$knows', passwordIsLong: true } });
    await tx.staffIdentity.create({ data: { ...staff, issuer: 'https://issuer.example', subjectKey: randomBytes(16), boundAt: NOW } });
    await tx.staffRecoveryCode.create({ data: { ...staff, codeKey: randomBytes(16) } });
    await tx.staffSession.create({
      data: { ...session, staffId: actorId, createdAt: NOW, steppedUpAt: NOW, endsAt: new Date(NOW.getTime() + 3_600_000) },
    });
    const opened = { beginsAt: NOW, endsAt: new Date(NOW.getTime() + 3_600_000), reviewDueAt: new Date(NOW.getTime() + 72 * 3_600_000) };
    const { staffId: reviewedById } = await tx.provider.findFirstOrThrow({ where: { organizationId, id: providerId } });
    const place = { organizationId, table: 'emergency_access', rowId: newId() };
    const review = { reviewedAt: NOW, reviewedById, outcome: 'justified' };
    await tx.emergencyAccess.create({
      data: {
        ...staff,
        ...opened,
        ...review,
        id: place.rowId,
        patientId,
        reasonSealed: codec.seal({ ...place, column: 'reason_sealed' }, 'Swelling after filler.'),
        reviewNoteSealed: codec.seal({ ...place, column: 'review_note_sealed' }, 'As she said.'),
      },
    });
    const credential = { credentialId: randomBytes(32), publicKey: randomBytes(77), counter: 0, isBackedUp: false };
    await tx.staffPasskey.create({ data: { ...staff, ...credential, name: 'Phone', createdAt: NOW } });
    await tx.staffSessionUse.create({ data: { organizationId, sessionId: session.id, seenAt: NOW } });
    const portalSession = { organizationId, id: newId(), patientId, tokenHash: randomBytes(32), device: 'Safari, iOS', idleMinutes: 30 };
    await tx.patientProxy.create({ data: { organizationId, patientId, proxyId: relatedId, basis: 'minor', startsAt: NOW } });
    await tx.patientSession.create({ data: { ...portalSession, createdAt: NOW, endsAt: new Date(NOW.getTime() + 3_600_000) } });
    await tx.patientPasskey.create({
      data: { organizationId, patientId, ...credential, id: newId(), credentialId: randomBytes(32), name: 'Tablet', createdAt: NOW },
    });
    await tx.patientSessionUse.create({ data: { organizationId, sessionId: portalSession.id, seenAt: NOW } });
    await tx.patientSignIn.create({
      data: {
        organizationId,
        id: newId(),
        channel: 'email',
        addressKey: randomBytes(16),
        createdAt: NOW,
        expiresAt: new Date(NOW.getTime() + 60_000),
      },
    });
    await tx.staffPin.create({ data: { ...staff, pinHash: '$argon2id$v=19$m=19456,t=2,p=1$nobody$knows' } });
    const made = { organizationId, createdBy: actorId, createdAt: NOW };
    const device = { locationId, kind: 'kiosk', name: 'Entrance', keyHash: randomBytes(32), enrolledAt: NOW };
    await tx.device.create({ data: { ...made, ...device, id: deviceId } });
    await tx.deviceUse.create({ data: { organizationId, deviceId, seenAt: NOW } });
    const key = { permissions: ['schedule:read'], isEverywhere: true, expiresAt: new Date(NOW.getTime() + 86_400_000) };
    await tx.apiKey.create({ data: { ...made, ...key, id: keyId, name: 'Website', secretHash: randomBytes(32) } });
    await tx.apiKeyUse.create({ data: { organizationId, keyId, seenAt: NOW } });
    await tx.calendarFeed.create({
      data: { organizationId, id: newId(), providerId, name: 'Phone', tokenHash: randomBytes(32), createdAt: NOW },
    });
    await tx.$executeRaw`SELECT app.log_access(${[patientId]}::uuid[])`;
  });
  const booking = {
    appointmentId: newId(),
    locationId,
    patientId,
    startsAt: '2026-03-03T15:00:00Z',
    channel: 'phone',
    idempotency: { route: 'POST /v1/appointments', key: newId(), bodyHash: '00'.repeat(16), expiresAt: '2026-03-03T12:00:00Z' },
    services: [{ segmentId: newId(), serviceId, providerId }],
  };
  const [booked] = await database.callFunction(
    sessionIn(organizationId, actorId, 'appointment.book', NOW),
    (session) => sql<{ outcome: string }>`SELECT app.book_appointment(${session}::jsonb, ${booking}::jsonb) ->> 'outcome' AS outcome`,
  );
  if (booked?.outcome !== 'done') throw new Error(`The clinic could not be filled: ${booked?.outcome}.`);
  await database.callFunction(
    sessionIn(organizationId, actorId, 'password.reset-link', NOW),
    (session) => sql`SELECT app.begin_reset(${session}::jsonb, ${loginKey}::bytea, ${organizationId}::uuid, ${randomBytes(32)}::bytea)`,
  );
  const { appointmentId } = booking;
  await arrange(database, clinic, (tx) =>
    tx.checkIn.create({ data: { organizationId, deviceId, appointmentId, patientId, endsAt: NOW }, select: { deviceId: true } }),
  );
  // Rows that nothing refers to yet, for tests that change keys.
  await aPatient(database, clinic);
  await arrange(database, clinic, async (tx) => {
    await aNewProvider(tx, clinic);
    const { id } = await tx.staff.create({ data: { organizationId, givenName: 'Nia', familyName: 'Newest', jobTitle: 'Front desk' } });
    await tx.staffAccount.create({ data: { organizationId, staffId: id, passwordChangedAt: NOW } });
    // Of a number that no other clinic has.
    await tx.dataKey.create({ data: { organizationId, keyId: randomInt(2, 2 ** 31), usableFrom: NOW } });
    await tx.staffRole.create({ data: { organizationId, staffId: id, role: 'front-desk', locationId } });
    await tx.customRole.create({ data: { organizationId, name: 'Newest role', permissions: ['catalog:read'] } });
    const at = { createdAt: NOW, expiresAt: new Date(NOW.getTime() + 86_400_000) };
    await tx.staffInvitation.create({ data: { organizationId, staffId: id, invitedById: actorId, delivery: 'email', ...at } });
  });
  await seal(database, clinic);
  return clinic;
}

/** Sealing waits for every older transaction of the server, those of other tests included. */
async function seal(database: Database, clinic: Clinic): Promise<void> {
  const session = sessionIn(clinic.organizationId, clinic.actorId, 'upkeep.seal');
  const isSealed = async () => {
    await database.callFunction(session, (given) => sql`SELECT app.seal_logs(${given}::jsonb, 100000)`);
    return arrange(database, clinic, async (tx) => (await tx.auditSeal.count()) > 0);
  };
  await eventually('the clinic has a seal', isSealed, 30_000);
}
