import type { PatientSignIn, ProblemDocument, SignedInPatient } from '@medspa/contracts';
import { aClinic, NOW, type Clinic, type TestDatabase } from '@medspa/testing';
import { aBrowser, type Browser } from './browser.ts';
import { testApp, type Answer, type TestApp } from './harness.ts';
import { aReachablePatient, API_URL, runDue, type Post } from './messages.ts';

type Patient = Awaited<ReturnType<typeof aReachablePatient>>;
type Reply = SignedInPatient & PatientSignIn & ProblemDocument;

/** A clinic, its desk, and its patients' browsers. The test sets the clock. */
export type Portal = {
  clinic: Clinic;
  /** Asks as staff. */
  desk: TestApp;
  clock: { now: Date };
  pass: (minutes: number) => void;
  aPatient: (changes?: object) => Promise<Patient>;
  browser: () => Browser;
  /** Asks for a code. */
  ask: (address: string, from?: Browser) => Promise<Answer<Reply>>;
  /** Has the jobs run that are due. */
  deliver: (most?: number) => Promise<unknown>;
  /** What the last message to an address says, and signs in with. */
  read: (address: string) => { body: string; code: string; token: string };
  /** Signs in with what was asked for. */
  enter: (signInId: string, code: string, changes?: object, from?: Browser) => Promise<Answer<Reply>>;
  /** A browser in which the patient of the address is signed in. */
  signIn: (address: string, changes?: object) => Promise<Browser>;
  /** A patient, and a browser in which they are signed in. */
  aSignedInPatient: (changes?: object) => Promise<Patient & { browser: Browser }>;
};

export async function openPortal(t: TestDatabase, post: Post): Promise<Portal> {
  const clinic = await aClinic(t.database);
  const clock = { now: NOW };
  const config = { twilio: post.config.twilio, apiUrl: API_URL };
  const desk = testApp(t.database, { as: clinic, now: () => clock.now, config });
  const open = testApp(t.database, { as: 'session', now: () => clock.now, config });
  post.connect(desk, clinic.organizationId);
  const { organizationId } = clinic;
  const browser = () => aBrowser(open);
  const portal: Portal = {
    clinic,
    desk,
    clock,
    browser,
    pass: (minutes) => {
      clock.now = new Date(clock.now.getTime() + minutes * 60_000);
    },
    aPatient: (changes) => aReachablePatient(desk, changes),
    ask: (address, from = browser()) => from.send<Reply>('POST', '/v1/portal/sign-ins', { organizationId, address }),
    deliver: (most) => runDue(t, organizationId, post, clock.now, most),
    read: (address) => {
      const [last] = post.to(address);
      const [, code = ''] = /\b(\d{8})\b/.exec(last?.body ?? '') ?? [];
      const [, token = ''] = /#[0-9a-f-]{36}\.[0-9a-f-]{36}\.([\w-]{43})/.exec(last?.body ?? '') ?? [];
      return { body: last?.body ?? '', code, token };
    },
    enter: (signInId, code, changes = {}, from = browser()) =>
      from.send<Reply>('POST', '/v1/portal/session', { organizationId, signInId, code, ...changes }),
    signIn: async (address, changes = {}) => {
      const { body } = await portal.ask(address);
      await portal.deliver();
      const from = browser();
      const { status, text } = await portal.enter(body.id, portal.read(address).code, changes, from);
      if (status !== 201) throw new Error(`Not signed in: ${text}`);
      return from;
    },
    aSignedInPatient: async (changes) => {
      const patient = await portal.aPatient(changes);
      return { ...patient, browser: await portal.signIn(patient.email) };
    },
  };
  return portal;
}
