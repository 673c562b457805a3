import { Hono } from 'hono';

/** /openapi.json and, for people, /docs. Both are public: they describe the service and hold no data. */
export function documentation(document: object): Hono {
  const routes = new Hono();
  routes.get('/openapi.json', (c) => c.json(document));
  return routes;
}
