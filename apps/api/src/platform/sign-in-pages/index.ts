import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Hono } from 'hono';
import { renderSetup } from './setup.ts';
import { renderSignIn, type SignInPage } from './sign-in.ts';

/** Our own sheet, icon and scripts, and calls of this service alone. No form is ever sent as one: a script sends it as JSON. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const ASSETS = {
  '/sign-in/page.css': 'text/css',
  '/sign-in/form.js': 'text/javascript',
  '/sign-in/sign-in.js': 'text/javascript',
  '/sign-in/setup.js': 'text/javascript',
};

/** Pages for people who have no session yet: /setup makes an organization, /sign-in signs in and adds the second factor. */
export function signInPages(about: SignInPage): Hono {
  const routes = new Hono();
  const page = (path: string, render: () => string) => {
    let text: string | undefined;
    routes.get(path, (c) => {
      c.header('content-security-policy', PAGE_POLICY);
      return c.html((text ??= render()));
    });
  };
  page('/setup', renderSetup);
  page('/sign-in', () => renderSignIn(about));
  for (const [path, type] of Object.entries(ASSETS)) {
    const text = readFileSync(join(import.meta.dirname, path.slice(path.lastIndexOf('/') + 1)), 'utf8');
    routes.get(path, (c) => c.body(text, 200, { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': PAGE_POLICY }));
  }
  return routes;
}
