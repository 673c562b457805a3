import { z } from 'zod';

const filled = z.string().trim().min(1);
const words = z
  .string()
  .default('')
  .transform((value): ReadonlySet<string> => new Set(value.split(/[\s,]+/).filter((word) => word !== '')));

/** Keys of the configuration that say who else may vouch for staff. */
export const IDENTITY_KEYS = {
  OIDC_ISSUER: z.url({ protocol: /^https?$/, error: 'not an http(s) URL' }).optional(),
  OIDC_CLIENT_ID: filled.optional(),
  OIDC_CLIENT_SECRET: filled.optional(),
  OIDC_SECOND_FACTOR_AMR: words,
  OIDC_SECOND_FACTOR_ACR: words,
  FIREBASE_PROJECT_ID: z
    .string()
    .regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, 'not the id of a project')
    .optional(),
};
type IdentityEnvironment = z.infer<z.ZodObject<typeof IDENTITY_KEYS>>;

/** An OpenID provider, as it is written: its issuer is compared letter by letter. */
export type OidcConfig = {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Where the provider sends people back to: our own sign-in page. */
  redirectUri: string;
  /** Values of `amr` and `acr` with which the provider's own second factor counts; none unless configured. */
  secondFactorAmr: ReadonlySet<string>;
  secondFactorAcr: ReadonlySet<string>;
};

export type IdentitySettings = { identityProviders: { oidc: OidcConfig | null; firebaseProjectId: string | null } };

/** Adds to `problems` what is wrong, and to `notes` what an operator should know; no line holds a value. */
export function identityOf(
  env: IdentityEnvironment,
  { apiUrl, isProduction }: { apiUrl: string; isProduction: boolean },
  problems: string[],
  notes: string[],
): IdentitySettings {
  if (env.FIREBASE_PROJECT_ID) notes.push('FIREBASE_PROJECT_ID: Firebase signs in people who have an account here, by their ID token');
  return {
    identityProviders: { oidc: oidcOf(env, apiUrl, isProduction, problems), firebaseProjectId: env.FIREBASE_PROJECT_ID ?? null },
  };
}

function oidcOf(env: IdentityEnvironment, apiUrl: string, isProduction: boolean, problems: string[]): OidcConfig | null {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret } = env;
  if (issuer === undefined && clientId === undefined && clientSecret === undefined) return null;
  for (const key of ['OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET'] as const)
    if (env[key] === undefined) problems.push(`${key}: missing; sign-in by OpenID Connect needs issuer, client id and client secret.`);
  if (isProduction && issuer?.startsWith('http:')) problems.push('OIDC_ISSUER: in production it is https.');
  return {
    issuer: issuer ?? '',
    clientId: clientId ?? '',
    clientSecret: clientSecret ?? '',
    redirectUri: `${apiUrl}/sign-in`,
    secondFactorAmr: env.OIDC_SECOND_FACTOR_AMR,
    secondFactorAcr: env.OIDC_SECOND_FACTOR_ACR,
  };
}
