import type { Hono } from 'hono';
import { servedFiles } from '../pages.ts';

/**
 * Where the link that signs a patient in leads, until the patients' own application has a page for it. The page is the same for
 * everybody and signs nobody in by being opened, which mail programs do by themselves: a person presses its button. The token stands
 * behind the # of the link, which only its script reads, and takes out of the address at once.
 */
export function portalPage(): Hono {
  return servedFiles(import.meta.dirname, {
    '/portal/sign-in': 'page.html',
    '/portal/sign-in.css': '../form-page.css',
    '/portal/sign-in.js': 'sign-in.js',
  });
}
