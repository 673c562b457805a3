import { totpCode, totpStep } from '../src/platform/totp.ts';
import type { Browser } from './browser.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** What an app does with the secret that it is shown. */
export function fromBase32(text: string): Buffer {
  const bits = Array.from(text, (sign) => ALPHABET.indexOf(sign).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** Adds an app to the account of whoever is signed in there; answers with what it shows at an instant. */
export async function addApp(browser: Browser, now: Date): Promise<(at: Date) => string> {
  const begun = await browser.send<{ secret: string }>('POST', '/v1/session/totp');
  const secret = fromBase32(begun.body.secret);
  const code = (at: Date) => totpCode(secret, totpStep(at));
  const confirmed = await browser.send('POST', '/v1/session/totp/confirmation', { code: code(now) });
  if (confirmed.status !== 200) throw new Error(confirmed.text);
  return code;
}
