import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Hono } from 'hono';

/** Our own sheet, icon and script, which asks this service and nobody else. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * Where the link that signs a patient in leads, until the patients' own application has a page for it. The page is the same for
 * everybody and signs nobody in by being opened, which mail programs do by themselves: a person presses its button. The token stands
 * behind the # of the link, which only its script reads, and takes out of the address at once.
 */
export function portalPage(): Hono {
  const routes = new Hono();
  const own = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
  for (const [path, file, type] of [
    ['/portal/sign-in', 'page.html', 'text/html'],
    ['/portal/sign-in.css', 'style.css', 'text/css'],
    ['/portal/sign-in.js', 'sign-in.js', 'text/javascript'],
  ] as const)
    routes.get(path, (c) => c.body(own(file), 200, { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': PAGE_POLICY }));
  return routes;
}
