import { Problem } from './problem.ts';
import { hasCookie } from './session-cookie.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Throws `origin-refused` for a change that another site's page has a browser ask for, whatever its body is or claims to be. A
 * browser says where a request comes from: by Origin, which the edge has compared with the list, or by Sec-Fetch-Site. One that
 * carries a cookie of ours and says neither is refused; a program without a browser sends an Origin of ours.
 */
export function refuseForeignWrite(method: string, headers: Headers): void {
  if (SAFE.has(method) || headers.get('origin') !== null) return;
  const site = headers.get('sec-fetch-site');
  if (site === 'same-origin') return;
  if (site !== null || hasCookie(headers)) throw new Problem('origin-refused');
}
