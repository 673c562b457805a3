/** Where secrets come from: Google's endpoints, or a local stand-in in tests. */
export type SecretSource = { secretManagerUrl: string; metadataUrl: string; limitMillis?: number };

const GOOGLE: SecretSource = {
  secretManagerUrl: 'https://secretmanager.googleapis.com',
  metadataUrl: 'http://metadata.google.internal',
};

/** Longest wait for each of the two. */
const LIMIT_MILLIS = 5_000;

/**
 * Replaces every value `secret:NAME` or `secret:NAME@VERSION` by the secret it names, read from Secret Manager with the
 * identity of the machine. A trailing line end, which `openssl rand | gcloud secrets create` leaves, is dropped.
 *
 * Nothing else ever sees the reference: a secret that cannot be read throws an error that names its key.
 */
export async function resolveSecrets(
  env: Record<string, string | undefined>,
  source: SecretSource = GOOGLE,
): Promise<Record<string, string | undefined>> {
  const references = Object.entries(env).flatMap(([key, value]) =>
    value?.startsWith('secret:') ? [{ key, reference: value.slice('secret:'.length) }] : [],
  );
  if (references.length === 0) return env;
  const project = env['GCP_PROJECT_ID'];
  if (!project)
    throw new Error(`${references.map(({ key }) => key).join(', ')}: a secret: value needs GCP_PROJECT_ID to say whose secret.`);
  const keys = references.map(({ key }) => key).join(', ');
  const { token } = await fetchMachineToken(source.metadataUrl, source.limitMillis ?? LIMIT_MILLIS).catch(() => {
    throw new Error(
      `${keys}: a secret: value can be read only where a machine identity exists (Cloud Run, Compute Engine). Give the value itself here.`,
    );
  });
  const resolved = await Promise.all(
    references.map(async ({ key, reference }) => {
      const [, name, version = 'latest'] = /^([A-Za-z0-9_-]{1,255})(?:@([0-9]+|latest))?$/.exec(reference) ?? [];
      if (!name) throw new Error(`${key}: not a secret's name (secret:NAME or secret:NAME@VERSION).`);
      return [key, await accessSecret(source, token, key, `projects/${project}/secrets/${name}/versions/${version}`)] as const;
    }),
  );
  return { ...env, ...Object.fromEntries(resolved) };
}

/** A token of the machine's identity, and until when (of `Date.now`) it should be used. Throws where there is no identity. */
export async function fetchMachineToken(metadataUrl: string, limitMillis: number): Promise<{ token: string; until: number }> {
  const response = await fetch(`${metadataUrl}/computeMetadata/v1/instance/service-accounts/default/token`, {
    headers: { 'metadata-flavor': 'Google' },
    redirect: 'error',
    signal: AbortSignal.timeout(limitMillis),
  });
  if (!response.ok) throw new Error('no token');
  const { access_token: token, expires_in: seconds = 0 } = (await response.json()) as { access_token?: string; expires_in?: number };
  if (!token) throw new Error('no token');
  // A minute early: it must not end on the way.
  return { token, until: Date.now() + (seconds - 60) * 1_000 };
}

async function accessSecret(
  { secretManagerUrl, limitMillis = LIMIT_MILLIS }: SecretSource,
  token: string,
  key: string,
  name: string,
): Promise<string> {
  let response: Response;
  try {
    response = await fetch(`${secretManagerUrl}/v1/${name}:access`, {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(limitMillis),
    });
  } catch (error) {
    throw new Error(`${key}: Secret Manager cannot be reached.`, { cause: error });
  }
  if (!response.ok) throw new Error(`${key}: Secret Manager refuses ${name} (${response.status}).`);
  const { payload } = (await response.json()) as { payload?: { data?: string } };
  const value = Buffer.from(payload?.data ?? '', 'base64')
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (value === '') throw new Error(`${key}: the secret ${name} is empty.`);
  return value;
}
