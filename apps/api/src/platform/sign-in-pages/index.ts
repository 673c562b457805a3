import { Hono } from 'hono';
import { PAGE_POLICY, servedFiles } from '../pages.ts';
import { renderSetup } from './setup.ts';
import { renderSignIn, type SignInPage } from './sign-in.ts';

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
  return routes.route(
    '/',
    servedFiles(import.meta.dirname, {
      '/sign-in/page.css': 'page.css',
      '/sign-in/form.js': 'form.js',
      '/sign-in/sign-in.js': 'sign-in.js',
      '/sign-in/setup.js': 'setup.js',
    }),
  );
}
