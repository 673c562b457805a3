import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Hono } from 'hono';

/** Our own sheet, icon and script, which asks this service and nobody else. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * Where links to a new password and invitations lead until the staff's own application has pages for them. They are the same for
 * everybody: the token stands behind the # of the link, which only the script reads, and takes out of the address at once.
 */
export function passwordPages(): Hono {
  const routes = new Hono();
  const own = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
  for (const [path, file, type] of [
    ['/reset-password', 'page.html', 'text/html'],
    ['/reset-password/style.css', 'style.css', 'text/css'],
    ['/reset-password/reset.js', 'reset.js', 'text/javascript'],
    ['/invitation', 'invitation.html', 'text/html'],
    ['/invitation/invitation.js', 'invitation.js', 'text/javascript'],
  ] as const)
    routes.get(path, (c) => c.body(own(file), 200, { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': PAGE_POLICY }));
  return routes;
}
