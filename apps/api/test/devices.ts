import type { CheckIn, Device, DEVICE_KINDS, NewDevice, OwnDevice, ProblemDocument } from '@medspa/contracts';
import { arrange, NOW, testCodec, type TestDatabase } from '@medspa/testing';
import { randomUUID } from 'node:crypto';
import { v7 as newId } from 'uuid';
import { keyedPassword, loginKeyOf, recoveryKey, totpPlace } from '../src/modules/identity/service/prove.ts';
import { hashPassword } from '../src/platform/passwords.ts';
import { aBrowser, PASSWORD, type Browser } from './browser.ts';
import { testApp, type TestApp } from './harness.ts';
import { openDesk, type Desk, type Visit } from './visits.ts';

export type Reply = Omit<ProblemDocument, 'status'> & OwnDevice & Wire<CheckIn & NewDevice> & { staffId: string; items: Wire<Device>[] };
/** Instants are text on the wire. */
type Wire<Shape> = { [Key in keyof Shape]: Shape[Key] extends Date | null ? string : Shape[Key] };
type Patient = { id: string; givenName: string; familyName: string; birthDate: string; phone: string };

/** `proof` is a password and a code that was not used. */
export type Account = { staffId: string; email: string; proof: () => { password: string; code: string } };

/** A clinic with people who sign in and devices that they enrol, at a time that the test sets. */
export type Premises = {
  desk: Desk;
  /** Whoever asks is known by cookie or key. */
  app: TestApp;
  clock: { at: Date; pass: (seconds: number) => void };
  /** Somebody who works there and has an account with a second factor; the clinic's owner unless told. */
  anAccount: (staffId?: string) => Promise<Account>;
  signedIn: (account: Account, browser?: Browser) => Promise<Browser>;
  /** A browser that was enrolled as a device of the location. */
  aDevice: (manager: Browser, kind: (typeof DEVICE_KINDS)[number], locationId?: string) => Promise<{ id: string; browser: Browser }>;
  aPatient: (changes?: Partial<Patient>) => Promise<Patient>;
  aVisit: (patient: Patient, startsAt?: string) => Promise<Visit>;
};

export async function openPremises(t: TestDatabase): Promise<Premises> {
  const clock = { at: NOW, pass: (seconds: number) => void (clock.at = new Date(clock.at.getTime() + seconds * 1_000)) };
  const now = () => clock.at;
  const desk = await openDesk(t, { providers: 4, rooms: 4 }, now);
  const { organizationId, actorId, locationId, serviceId, providerIds } = desk.clinic;
  const app = testApp(t.database, { as: 'session', now });
  const codec = testCodec(t.database);
  await codec.prepare(organizationId);
  let booked = 0;

  return {
    desk,
    app,
    clock,
    anAccount: async (staffId = actorId) => {
      const email = `${randomUUID()}@clinic.example`;
      const codes = Array.from({ length: 10 }, (_, index) => `AAAA-AAAA-AAAA-AAA${'ABCDEFGHIJ'[index] ?? ''}`);
      const passwordHash = await hashPassword(keyedPassword({ codec, organizationId }, PASSWORD));
      await arrange(t.database, desk.clinic, async (tx) => {
        const of = { organizationId, staffId };
        if (staffId !== actorId) {
          await tx.staff.create({ data: { organizationId, id: staffId, givenName: 'Ines', familyName: 'Injector', jobTitle: 'Injector' } });
          await tx.staffRole.create({ data: { ...of, role: 'owner' } });
        }
        await tx.staffAccount.create({ data: { ...of, loginKey: loginKeyOf({ codec }, email), passwordChangedAt: NOW } });
        const totpSealed = codec.seal(totpPlace(organizationId, staffId, 'totp_sealed'), '00'.repeat(20));
        await tx.staffSecret.create({ data: { ...of, passwordHash, passwordIsLong: true, totpSealed } });
        const keys = codes.map((code) => ({ ...of, codeKey: recoveryKey({ codec, organizationId }, code) }));
        await tx.staffRecoveryCode.createMany({ data: keys });
      });
      return { staffId, email, proof: () => ({ password: PASSWORD, code: codes.pop() ?? '' }) };
    },
    signedIn: async ({ email, proof }, browser = aBrowser(app)) => {
      const { status, text } = await browser.send('POST', '/v1/session', { email, ...proof() });
      if (status !== 201) throw new Error(`Nobody is signed in: ${text}`);
      return browser;
    },
    aDevice: async (manager, kind, at = locationId) => {
      const made = await manager.send<Reply>('POST', '/v1/devices', { locationId: at, kind, name: 'Entrance' });
      const browser = aBrowser(app);
      const { status, text } = await browser.send('POST', '/v1/device', { code: made.body.code });
      if (status !== 201) throw new Error(`No device was enrolled: ${made.text} ${text}`);
      return { id: made.body.id, browser };
    },
    aPatient: async (changes = {}) => {
      const name = { givenName: 'Maya', familyName: `Lindqvist-${newId().slice(-8)}` };
      const patient = { ...name, birthDate: '1987-04-12', phone: '+12125550147', ...changes };
      return { ...patient, id: (await desk.app.send<{ id: string }>('POST', '/v1/patients', patient)).body.id };
    },
    aVisit: (patient, startsAt = '2026-03-02T15:00:00Z') =>
      desk.booked(startsAt, {
        patientId: patient.id,
        locationId,
        services: [{ serviceId, providerId: providerIds[booked++ % providerIds.length] }],
      }),
  };
}
