import type { Hono } from 'hono';
import { servedFiles } from '../pages.ts';

/**
 * Where links to a new password and invitations lead until the staff's own application has pages for them. They are the same for
 * everybody: the token stands behind the # of the link, which only the script reads, and takes out of the address at once.
 */
export function passwordPages(): Hono {
  return servedFiles(import.meta.dirname, {
    '/reset-password': 'page.html',
    '/reset-password/style.css': '../form-page.css',
    '/reset-password/reset.js': 'reset.js',
    '/invitation': 'invitation.html',
    '/invitation/invitation.js': 'invitation.js',
  });
}
