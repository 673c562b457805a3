import { Hono } from 'hono';
import type { FindActor } from '../edge.ts';
import { PAGE_POLICY, servedFiles } from '../pages.ts';
import { Problem } from '../problem.ts';
import { renderList, renderMailbox, type Received } from './page.ts';

/** The mailbox of practice mode, for staff who are signed in. Production has none. */
export function mailboxRoutes(received: () => readonly Received[], findActor: FindActor): Hono {
  const routes = new Hono();
  routes.use('/mailbox/*', async (c, next) => {
    const found = await findActor(c.req.raw.headers, `${c.req.method} ${c.req.path}`);
    if (found?.actor.kind !== 'staff') throw new Problem('not-authenticated');
    c.header('content-security-policy', PAGE_POLICY);
    await next();
  });
  routes.get('/mailbox', (c) => c.html(renderMailbox(received())));
  routes.get('/mailbox/list', (c) => c.html(renderList(received()).text));
  return routes.route('/', servedFiles(import.meta.dirname, { '/mailbox/style.css': 'style.css', '/mailbox/refresh.js': 'refresh.js' }));
}
