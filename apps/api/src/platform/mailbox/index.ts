import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Hono } from 'hono';
import type { FindActor } from '../edge.ts';
import { Problem } from '../problem.ts';
import { renderList, renderMailbox, type Received } from './page.ts';

/** Our own sheet, icon and script; what is refreshed comes from here as well. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The mailbox of practice mode, for staff who are signed in. Production has none. */
export function mailboxRoutes(received: () => readonly Received[], findActor: FindActor): Hono {
  const routes = new Hono();
  routes.use('/mailbox/*', async (c, next) => {
    const found = await findActor(c.req.raw.headers, `${c.req.method} ${c.req.path}`);
    if (found?.actor.kind !== 'staff') throw new Problem('not-authenticated');
    c.header('content-security-policy', PAGE_POLICY);
    await next();
  });
  const own = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
  routes.get('/mailbox', (c) => c.html(renderMailbox(received())));
  routes.get('/mailbox/list', (c) => c.html(renderList(received()).text));
  routes.get('/mailbox/style.css', (c) => c.body(own('style.css'), 200, { 'content-type': 'text/css; charset=utf-8' }));
  routes.get('/mailbox/refresh.js', (c) => c.body(own('refresh.js'), 200, { 'content-type': 'text/javascript; charset=utf-8' }));
  return routes;
}
