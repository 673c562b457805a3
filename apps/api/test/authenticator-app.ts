import { totpCode, totpStep } from '../src/platform/totp.ts';
import { fromBase32, type Browser } from './browser.ts';

/** Adds an app to the account of whoever is signed in there; answers with what it shows at an instant. */
export async function addApp(browser: Browser, now: Date): Promise<(at: Date) => string> {
  const begun = await browser.send<{ secret: string }>('POST', '/v1/session/totp');
  const secret = fromBase32(begun.body.secret);
  const code = (at: Date) => totpCode(secret, totpStep(at));
  const confirmed = await browser.send('POST', '/v1/session/totp/confirmation', { code: code(now) });
  if (confirmed.status !== 200) throw new Error(confirmed.text);
  return code;
}
