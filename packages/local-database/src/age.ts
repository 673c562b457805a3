/** The bundled server: the version of its npm package, and the day on which that was published. */
export const BUNDLE = { version: '18.4.0-beta.17', publishedOn: '2026-06-06' };
const FRESH_DAYS = 120;

/**
 * What to tell whoever still runs a bundle that misses a round of PostgreSQL's quarterly fixes, or null. It also links an
 * OpenSSL that nobody mends any more, and is for trying things out at any age.
 */
export function ageNotice(now: Date): string | null {
  const days = Math.floor((now.getTime() - Date.parse(BUNDLE.publishedOn)) / 86_400_000);
  if (days <= FRESH_DAYS) return null;
  return `The embedded PostgreSQL ${BUNDLE.version} is ${days} days old and misses security fixes: fine for trying this out on one machine, not for a clinic's data (see "Your own database" in the README).`;
}
