import { Mailbox, startMailServer } from '@medspa/local-mailbox';
import { TEST_KEY } from '@medspa/testing';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../config.ts';
import { createMailSender } from './mail.ts';
import { createTextSender, isSignedByTwilio } from './twilio.ts';

describe("Twilio's signature", () => {
  // The example of Twilio's own libraries.
  const url = 'https://mycompany.com/myapp.php?foo=1&bar=2';
  const form = { CallSid: 'CA1234567890ABCDE', Caller: '+14158675309', Digits: '1234', From: '+14158675309', To: '+18005551212' };
  const isSigned = (changes: { token?: string; url?: string; form?: object; signature?: string }) =>
    isSignedByTwilio(
      changes.token ?? '12345',
      changes.url ?? url,
      new URLSearchParams({ ...form, ...changes.form }),
      changes.signature ?? 'RSOYDt4T1cUTdK1PDd93/VVr8B8=',
    );

  test('is what Twilio says it is, whatever the order of the form', () => {
    expect(isSigned({})).toBe(true);
    const reversed = new URLSearchParams(Object.entries(form).toReversed());
    expect(isSignedByTwilio('12345', url, reversed, 'RSOYDt4T1cUTdK1PDd93/VVr8B8=')).toBe(true);
  });
  test('is of this token, this address and this form', () => {
    expect(isSigned({ token: '12346' })).toBe(false);
    expect(isSigned({ url: url.replace('bar=2', 'bar=3') })).toBe(false);
    expect(isSigned({ form: { Digits: '1235' } })).toBe(false);
    expect(isSigned({ form: { More: '' } })).toBe(false);
    expect(isSigned({ signature: '' })).toBe(false);
    expect(isSigned({ signature: 'RSOYDt4T1cUTdK1PDd93/VVr8A8=' })).toBe(false);
  });
});

describe('e-mail', () => {
  const message = { organizationId: 'o', id: '01a0', to: 'maya@example.com', title: 'Soon', body: 'On Monday' };
  const settings = (url: string) => ({
    host: '127.0.0.1',
    port: Number(new URL(url).port),
    secure: false,
    user: null,
    password: '',
    from: 'Desk <desk@clinic.example>',
  });

  test('carries the id of its message in its Message-ID, so that a second one is the same', async () => {
    const mailbox = new Mailbox();
    const server = await startMailServer(mailbox);
    const sender = createMailSender(settings(server.url));
    const accepted = { outcome: 'accepted', providerId: '<01a0@clinic.example>' };
    expect([await sender.send(message), await sender.send(message)]).toEqual([accepted, accepted]);
    await server.stop();
    expect(mailbox.entries()).toMatchObject([
      { id: '<01a0@clinic.example>', to: 'maya@example.com', title: 'Soon', body: 'On Monday', handovers: 2 },
    ]);
  });

  test.each([
    [450, { outcome: 'later', code: 'smtp-450' }],
    [550, { outcome: 'refused', code: 'smtp-550' }],
  ])('that the server answers with %d is tried again or not, without its words', async (responseCode, handover) => {
    const server = await startMailServer(new Mailbox(), () => {
      throw Object.assign(new Error('maya@example.com is not wanted'), { responseCode });
    });
    expect(await createMailSender(settings(server.url)).send(message)).toEqual(handover);
    await server.stop();
  });

  test('whose server is not there was certainly not taken', async () => {
    const server = await startMailServer(new Mailbox());
    await server.stop();
    expect(await createMailSender(settings(server.url)).send(message)).toMatchObject({ outcome: 'later' });
    const texts = createTextSender({ url: server.url.replace('smtp', 'http'), accountSid: 'AC', authToken: 't', from: '+1' }, 'http://x');
    expect(await texts.send(message)).toEqual({ outcome: 'later', code: 'twilio-unreached' });
  });
});

describe('the configuration of who carries messages', () => {
  const basis = { DATABASE_HOST: 'localhost', DATABASE_PASSWORD: 'x', ENCRYPTION_KEY: TEST_KEY };
  const load = (env: Record<string, string>) => loadConfig({ ...basis, ...env });
  const twilio = {
    TWILIO_ACCOUNT_SID: `AC${'0a'.repeat(16)}`,
    TWILIO_AUTH_TOKEN: '1b'.repeat(16),
    TWILIO_FROM: '+12125550100',
  };

  test('may be none, and is read from a few keys', async () => {
    expect(await load({})).toMatchObject({ mail: null, twilio: null });
    const mail = { SMTP_URL: 'smtp://desk%40clinic.example:p%40ss@mail.example', MAIL_FROM: 'Desk <desk@clinic.example>' };
    expect(await load({ ...mail, ...twilio })).toMatchObject({
      mail: { host: 'mail.example', port: 587, secure: false, user: 'desk@clinic.example', password: 'p@ss', from: mail.MAIL_FROM },
      twilio: { url: 'https://api.twilio.com', from: '+12125550100' },
    });
    expect(await load({ ...mail, SMTP_URL: 'smtps://mail.example' })).toMatchObject({ mail: { port: 465, secure: true, user: null } });
  });

  test.each([
    ['SMTP_URL', { MAIL_FROM: 'desk@clinic.example' }],
    ['MAIL_FROM', { SMTP_URL: 'smtp://mail.example' }],
    ['MAIL_FROM', { SMTP_URL: 'smtp://mail.example', MAIL_FROM: 'no-address-canary' }],
    ['SMTP_URL', { SMTP_URL: 'https://canary.example', MAIL_FROM: 'desk@clinic.example' }],
    ['TWILIO_AUTH_TOKEN', { ...twilio, TWILIO_AUTH_TOKEN: 'canary' }],
    ['TWILIO_FROM', { TWILIO_ACCOUNT_SID: twilio.TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN: twilio.TWILIO_AUTH_TOKEN }],
  ])('is refused half, naming %s and no value', async (key, env) => {
    const refusal = await load(env).then(
      () => '',
      (refused: Error) => refused.message,
    );
    expect(refusal).toContain(`- ${key}:`);
    expect(refusal).not.toContain('canary');
  });
});
