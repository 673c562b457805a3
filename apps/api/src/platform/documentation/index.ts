import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Hono } from 'hono';
import type { OpenApi } from './openapi.ts';
import { renderPage } from './page.ts';

/** One style sheet and one icon of our own; no script, no frame, no form. */
const PAGE_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** In this order: wide screens and paper, which come last, change what stands before. */
const STYLES = ['page.css', 'calls.css'];

type Asset = { type: string; text: string; zipped: Uint8Array<ArrayBuffer>; etag: string };

/**
 * For people /docs, for programs /openapi.json; both are public, since they describe the service and hold no data. Everything
 * is made once, when it is first asked for.
 */
export function documentation(describe: () => OpenApi): Hono {
  const routes = new Hono();
  let document: OpenApi | undefined;
  const described = () => (document ??= describe());
  const own = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
  const serve = (path: string, type: string, make: () => string) => {
    let asset: Asset | undefined;
    routes.get(path, (c) => {
      asset ??= assetOf(type, make());
      c.header('content-security-policy', PAGE_POLICY);
      c.header('cache-control', 'no-cache');
      c.header('etag', asset.etag);
      c.header('vary', 'Origin, Accept-Encoding');
      if (c.req.header('if-none-match') === asset.etag) return c.body(null, 304);
      c.header('content-type', asset.type);
      if (!/\bgzip\b/.test(c.req.header('accept-encoding') ?? '')) return c.body(asset.text);
      c.header('content-encoding', 'gzip');
      return c.body(asset.zipped);
    });
  };
  serve('/docs', 'text/html; charset=utf-8', () => renderPage(described()));
  serve('/docs/style.css', 'text/css; charset=utf-8', () => STYLES.map(own).join('\n'));
  serve('/docs/icon.svg', 'image/svg+xml', () => own('icon.svg'));
  serve('/openapi.json', 'application/json', () => JSON.stringify(described()));
  routes.get('/', (c) => c.redirect('/docs'));
  return routes;
}

function assetOf(type: string, text: string): Asset {
  const etag = `W/"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  return { type, text, zipped: new Uint8Array(gzipSync(text)), etag };
}
