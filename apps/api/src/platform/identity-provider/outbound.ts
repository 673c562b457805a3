import type { z } from 'zod';
import { Problem } from '../problem.ts';
import { smallText } from '../small-answer.ts';

/** A key set or a discovery document is a few kilobytes. */
const MAX_BYTES = 256 * 1024;
const MAX_MILLIS = 5_000;

type Asked<Schema extends z.ZodType> = { schema: Schema; method?: 'POST'; headers?: Record<string, string>; body?: URLSearchParams };

/**
 * Asks an identity provider for a JSON document of this form (API10): no redirect is followed, and it has five seconds and 256 kB.
 * Throws `provider-unavailable` when there is no answer or another one than was promised.
 */
export async function fetchDocument<Schema extends z.ZodType>(
  url: string,
  { schema, ...request }: Asked<Schema>,
): Promise<{ document: z.output<Schema>; headers: Headers }> {
  try {
    const answer = await fetch(url, { ...request, redirect: 'error', signal: AbortSignal.timeout(MAX_MILLIS) });
    return { document: schema.parse(JSON.parse(await smallText(answer, MAX_BYTES))), headers: answer.headers };
  } catch {
    throw new Problem('provider-unavailable');
  }
}
