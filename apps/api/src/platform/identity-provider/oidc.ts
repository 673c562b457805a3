import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { OidcConfig } from '../config-identity.ts';
import { Problem } from '../problem.ts';
import { ASYMMETRIC, issuerKeys, verifyIdToken, vouchedFor, type VouchedFor } from './id-token.ts';
import { fetchDocument } from './outbound.ts';

/** An identity provider by OpenID Connect: authorization code with PKCE, state and nonce. */
export type Oidc = {
  /** Where a browser that holds this secret goes to sign in. Throws `provider-unavailable`. */
  authorizationUrl: (secret: string) => Promise<string>;
  /** Who came back to that browser. Throws `wrong-id-token` and `provider-unavailable`. */
  finish: (secret: string, returned: { code: string; state: string }) => Promise<VouchedFor>;
};

const Discovery = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  jwks_uri: z.url(),
  token_endpoint_auth_methods_supported: z.array(z.string()).default(['client_secret_basic']),
});
type Discovery = z.infer<typeof Discovery>;
const Tokens = z.union([z.object({ id_token: z.string().max(50_000) }), z.object({ error: z.string() })]);

const DISCOVERY_MILLIS = 3_600_000;

export function createOidc(settings: OidcConfig, now: () => Date): Oidc {
  const { issuer, clientId, clientSecret, redirectUri } = settings;
  let known: { found: Promise<Discovery>; until: number } | null = null;

  function discover(): Promise<Discovery> {
    const at = now().getTime();
    if (known && at < known.until) return known.found;
    const found = findEndpoints(issuer);
    const current = (known = { found, until: at + DISCOVERY_MILLIS });
    // A provider that was down is asked again by whoever comes next.
    found.catch(() => (known === current ? (known = null) : null));
    return found;
  }
  const keys = issuerKeys(async () => (await discover()).jwks_uri, now);

  async function idTokenFor(code: string, secret: string): Promise<string> {
    const { token_endpoint: endpoint, token_endpoint_auth_methods_supported: methods } = await discover();
    const inBody = !methods.includes('client_secret_basic') && methods.includes('client_secret_post');
    const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64');
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: partOf(secret, 'verifier'),
      ...(inBody ? { client_id: clientId, client_secret: clientSecret } : {}),
    });
    const headers = { accept: 'application/json', ...(inBody ? {} : { authorization: `Basic ${basic}` }) };
    const { document } = await fetchDocument(endpoint, { schema: Tokens, method: 'POST', headers, body });
    // Used before, too old, or of another browser.
    if ('error' in document) throw new Problem('wrong-id-token');
    return document.id_token;
  }

  return {
    authorizationUrl: async (secret) => {
      const url = new URL((await discover()).authorization_endpoint);
      const asked = {
        response_type: 'code',
        scope: 'openid email',
        client_id: clientId,
        redirect_uri: redirectUri,
        state: partOf(secret, 'state'),
        nonce: partOf(secret, 'nonce'),
        code_challenge: createHash('sha256').update(partOf(secret, 'verifier')).digest('base64url'),
        code_challenge_method: 'S256',
        ...(settings.secondFactorAcr.size > 0 ? { acr_values: [...settings.secondFactorAcr].join(' ') } : {}),
      };
      for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
      return url.href;
    },
    finish: async (secret, { code, state }) => {
      if (state !== partOf(secret, 'state')) throw new Problem('wrong-id-token');
      const claims = await verifyIdToken(await idTokenFor(code, secret), {
        keys,
        issuer,
        audience: clientId,
        algorithms: ASYMMETRIC,
        now: now(),
      });
      if (claims.nonce !== partOf(secret, 'nonce')) throw new Problem('wrong-id-token');
      const hasSecondFactor =
        claims.amr?.some((way) => settings.secondFactorAmr.has(way)) ||
        (claims.acr !== undefined && settings.secondFactorAcr.has(claims.acr));
      return vouchedFor(issuer, claims, hasSecondFactor ?? false);
    },
  };
}

/** Its endpoints, once the document is of this issuer and none of them is less protected than it. */
async function findEndpoints(issuer: string): Promise<Discovery> {
  const { document } = await fetchDocument(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, { schema: Discovery });
  const endpoints = [document.authorization_endpoint, document.token_endpoint, document.jwks_uri];
  const isProtected = issuer.startsWith('http:') || endpoints.every((endpoint) => endpoint.startsWith('https:'));
  if (document.issuer !== issuer || !isProtected) throw new Problem('provider-unavailable');
  return document;
}

/** State, nonce and verifier of an attempt follow from the secret that its browser alone has, so that nothing is kept of it here. */
function partOf(secret: string, part: 'state' | 'nonce' | 'verifier'): string {
  return createHash('sha256').update(`${part}|${secret}`).digest('base64url');
}
