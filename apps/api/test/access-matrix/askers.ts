import { randomBytes } from 'node:crypto';
import type { KEY_PERMISSIONS, DEVICE_KINDS } from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import { aPatient, arrange, NOW, testCodec, type Clinic, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { keyedPassword, loginKeyOf, recoveryKey, totpPlace } from '../../src/modules/identity/service/prove.ts';
import { hashPassword } from '../../src/platform/passwords.ts';
import { deviceCookie, sessionCookie } from '../../src/platform/session-cookie.ts';
import { hashOf, newToken } from '../../src/platform/tokens.ts';
import { OWN_ORIGIN, PASSWORD } from '../browser.ts';

// Who asks, with real sessions, devices and keys: rows, and the headers that go with them.

/** Somebody, or something, that the service knows by what its requests carry. */
export type Asker = { id: string; sessionId?: string; headers: Record<string, string> };
/** Staff who sign in with password, app, recovery code and passkey. */
export type StaffAsker = Asker & { sessionId: string; email: string; recoveryCode: string; passkeyId: string };
export type PatientAsker = Asker & { sessionId: string; passkeyId: string };

export const NOBODY: Asker = { id: '', headers: {} };

const PASSKEY = { publicKey: randomBytes(77), counter: 0, isBackedUp: false, transports: [], createdAt: NOW };
const after = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000);

/** What a browser of ours sends that has this cookie. */
function headersOf(setCookie: string): Record<string, string> {
  return { origin: OWN_ORIGIN, cookie: setCookie.split(';')[0] ?? '' };
}

/** A session that began an hour ago, whose person has just proved who they are. */
function sessionRow(organizationId: string, token: string, endsInMinutes: number) {
  return {
    organizationId,
    id: newId(),
    tokenHash: hashOf(token),
    device: 'Firefox, Linux',
    idleMinutes: 15,
    createdAt: after(-60),
    endsAt: after(endsInMinutes),
  };
}

/** Makes askers of one organization. */
export type AskerFactory = Awaited<ReturnType<typeof askersOf>>;

export async function askersOf({ database }: TestDatabase, clinic: Clinic) {
  const { organizationId, actorId, locationId } = clinic;
  const codec = testCodec(database);
  await codec.prepare(organizationId);
  const passwordHash = await hashPassword(keyedPassword({ codec, organizationId }, PASSWORD));

  async function insertSession(tx: Tx, staffId: string, { endsInMinutes = 60, deviceId = null as string | null } = {}) {
    const token = newToken();
    const session = { ...sessionRow(organizationId, token, endsInMinutes), staffId, deviceId, steppedUpAt: NOW };
    await tx.staffSession.create({ data: session });
    await tx.staffSessionUse.create({ data: { organizationId, sessionId: session.id, seenAt: NOW } });
    return { sessionId: session.id, headers: headersOf(sessionCookie({ organizationId, token })) };
  }

  /** An owner who is signed in, on a shared device where one is given; or was, or has left. */
  function anOwner(changes: { isActive?: boolean; endsInMinutes?: number; deviceId?: string } = {}): Promise<StaffAsker> {
    const [id, passkeyId] = [newId(), newId()];
    const [email, recoveryCode] = [`${id}@clinic.example`, 'AAAA-AAAA-AAAA-AAAA'];
    const of = { organizationId, staffId: id };
    const sealed = (column: 'totp_sealed' | 'totp_pending_sealed') => codec.seal(totpPlace(organizationId, id, column), '00'.repeat(20));
    return arrange(database, clinic, async (tx) => {
      const person = { givenName: 'Oda', familyName: 'Owner', jobTitle: 'Owner', isActive: changes.isActive ?? true };
      await tx.staff.create({ data: { organizationId, id, ...person } });
      await tx.staffRole.create({ data: { ...of, role: 'owner' } });
      await tx.staffAccount.create({ data: { ...of, loginKey: loginKeyOf({ codec }, email), passwordChangedAt: NOW } });
      const totp = { totpSealed: sealed('totp_sealed'), totpPendingSealed: sealed('totp_pending_sealed') };
      await tx.staffSecret.create({ data: { ...of, passwordHash, passwordIsLong: true, ...totp } });
      await tx.staffRecoveryCode.create({ data: { ...of, codeKey: recoveryKey({ codec, organizationId }, recoveryCode) } });
      await tx.staffPasskey.create({ data: { ...of, ...PASSKEY, id: passkeyId, credentialId: randomBytes(32), name: 'Phone' } });
      return { id, email, recoveryCode, passkeyId, ...(await insertSession(tx, id, changes)) };
    });
  }

  /** A device of the clinic's location; in the hands of a patient where a visit of theirs is named. */
  function aDevice(kind: (typeof DEVICE_KINDS)[number], visit?: { appointmentId: string; patientId: string }): Promise<Asker> {
    const [id, token] = [newId(), newToken()];
    return arrange(database, clinic, async (tx) => {
      const by = { createdBy: actorId, createdAt: after(-60), enrolledAt: after(-50) };
      await tx.device.create({ data: { organizationId, id, locationId, kind, name: 'Entrance', keyHash: hashOf(token), ...by } });
      await tx.deviceUse.create({ data: { organizationId, deviceId: id, seenAt: NOW } });
      if (visit) await tx.checkIn.create({ data: { organizationId, deviceId: id, ...visit, endsAt: after(5) } });
      return { id, headers: headersOf(deviceCookie({ organizationId, token })) };
    });
  }

  /** A key of the clinic's owner, with all that a key may be given there. */
  function aKey(permissions: typeof KEY_PERMISSIONS, locationIds: string[] = []): Promise<Asker> {
    const [id, secret] = [newId(), randomBytes(32).toString('hex')];
    const key = `medspa_${organizationId.replaceAll('-', '')}_${secret}`;
    const checksum = hashOf(key).toString('hex').slice(0, 8);
    return arrange(database, clinic, async (tx) => {
      const row = { permissions, locationIds, isEverywhere: locationIds.length === 0, secretHash: hashOf(secret) };
      const { id: createdBy } = await tx.staff.create({
        data: { organizationId, givenName: 'Kim', familyName: 'Keys', jobTitle: 'Owner' },
      });
      await tx.staffRole.create({ data: { organizationId, staffId: createdBy, role: 'owner' } });
      const dates = { createdBy, createdAt: after(-60), expiresAt: after(60) };
      await tx.apiKey.create({ data: { organizationId, id, name: 'Accounting', ...row, ...dates } });
      await tx.apiKeyUse.create({ data: { organizationId, keyId: id, seenAt: NOW } });
      return { id, headers: { authorization: `Bearer ${key}${checksum}` } };
    });
  }

  /** A patient who is signed in, somebody new unless told; or was, or is no patient any more. */
  async function aPatientAsker(changes: { id?: string; isActive?: boolean; endsInMinutes?: number } = {}): Promise<PatientAsker> {
    const id = changes.id ?? (await aPatient(database, clinic, { isActive: changes.isActive ?? true }));
    const [token, passkeyId] = [newToken(), newId()];
    const session = { ...sessionRow(organizationId, token, changes.endsInMinutes ?? 60), patientId: id, createdAt: NOW };
    if (session.endsAt <= NOW) session.createdAt = after(-60);
    await arrange(database, clinic, async (tx) => {
      await tx.patientSession.create({ data: session });
      await tx.patientSessionUse.create({ data: { organizationId, sessionId: session.id, seenAt: NOW } });
      const passkey = { ...PASSKEY, id: passkeyId, patientId: id, credentialId: randomBytes(32), name: 'Phone' };
      await tx.patientPasskey.create({ data: { organizationId, ...passkey } });
    });
    return { id, sessionId: session.id, passkeyId, headers: headersOf(sessionCookie({ organizationId, token }, 'patient')) };
  }

  /** One more session of somebody, on a device where one is given. */
  const anotherSession = (staffId: string, deviceId: string | null = null) =>
    arrange(database, clinic, (tx) => insertSession(tx, staffId, { deviceId }));

  return { anOwner, aDevice, aKey, aPatientAsker, anotherSession };
}
