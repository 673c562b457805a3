import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Hono } from 'hono';

/** Our own sheets, icon and scripts, and calls of this service alone. No form is ever sent as one: a script sends it as JSON. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES = { html: 'text/html', css: 'text/css', js: 'text/javascript' };
type FileName = `${string}.${keyof typeof TYPES}`;

/**
 * Serves files of a folder, each by its address, alike to everybody. They are read once, here, so that without one of them the service
 * does not start.
 */
export function servedFiles(folder: string, files: Record<string, FileName>): Hono {
  const routes = new Hono();
  for (const [address, name] of Object.entries(files)) {
    const text = readFileSync(join(folder, name), 'utf8');
    // Its name ends with one of them.
    const type = TYPES[extname(name).slice(1) as keyof typeof TYPES];
    const headers = { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': PAGE_POLICY };
    routes.get(address, (c) => c.body(text, 200, headers));
  }
  return routes;
}
