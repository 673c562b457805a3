import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { grant } from '@medspa/contracts';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { loadKeys, type Ctx } from '../context.ts';
import type { AppEnv } from '../http.ts';
import { Problem } from '../problem.ts';
import { isSignedByTwilio } from './twilio.ts';

const MAX_FORM_BYTES = 64_000;

/** What a provider reports is done by it, in the organization that its signed address names, and may do this much. */
const PROVIDER = {
  kind: 'provider' as const,
  id: '00000000-0000-7000-8000-000000000002',
  grants: grant(['messaging:read', 'messaging:write', 'consent:write']),
};

/**
 * Lets in what Twilio signed, and nobody else: a request without its signature gets `not-permitted`. The public address is
 * part of the signature, so it is taken from the configuration and not from what a proxy passed on.
 */
export function signedByTwilio(
  { twilio, apiUrl }: Pick<Config, 'twilio' | 'apiUrl'>,
  parts: Pick<Ctx, 'database' | 'codec' | 'breaker' | 'now'>,
): MiddlewareHandler<AppEnv>[] {
  const tooLarge = () => {
    throw new Problem('body-too-large');
  };
  return [
    bodyLimit({ maxSize: MAX_FORM_BYTES, onError: tooLarge }),
    async (c, next) => {
      if (!twilio) throw new Problem('not-found');
      const form = new URLSearchParams(await c.req.text());
      const { search } = new URL(c.req.url);
      if (!isSignedByTwilio(twilio.authToken, `${apiUrl}${c.req.path}${search}`, form, c.req.header('x-twilio-signature')))
        throw new Problem('not-permitted');
      const organizationId = z.uuid().safeParse(c.req.param('organizationId'));
      if (!organizationId.success) throw new Problem('not-found');
      await loadKeys(parts, organizationId.data);
      c.set('ctx', { ...parts, organizationId: organizationId.data, actor: PROVIDER, requestId: c.get('requestId') });
      c.set('form', form);
      await next();
    },
  ];
}
