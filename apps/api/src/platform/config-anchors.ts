import { z } from 'zod';

const filled = z.string().trim().min(1);

/** Keys of the configuration that say where anchors of the audit log are kept. */
export const ANCHOR_KEYS = {
  AUDIT_ANCHOR_FOLDER: filled.optional(),
  AUDIT_ANCHOR_BUCKET: filled.optional(),
  AUDIT_ANCHOR_ENDPOINT: z.url({ protocol: /^https?$/, error: 'not an http(s) URL' }).default('https://storage.googleapis.com'),
  AUDIT_ANCHOR_REGION: filled.default('auto'),
  AUDIT_ANCHOR_ACCESS_KEY_ID: filled.optional(),
  AUDIT_ANCHOR_SECRET_ACCESS_KEY: filled.optional(),
};
type AnchorEnvironment = z.infer<z.ZodObject<typeof ANCHOR_KEYS>>;

/** A folder of this machine, a bucket that speaks S3 (Google Cloud Storage unless told), or null: nothing is kept. */
export type AnchorSettings =
  | { folder: string }
  | { bucket: { endpoint: string; region: string; bucket: string; accessKeyId: string; secretAccessKey: string } }
  | null;

/** Adds to `problems` what is wrong, and to `notes` what an operator should know; no line holds a value. */
export function anchorsOf(env: AnchorEnvironment, isProduction: boolean, problems: string[], notes: string[]): AnchorSettings {
  const { AUDIT_ANCHOR_FOLDER: folder, AUDIT_ANCHOR_BUCKET: bucket } = env;
  if (folder !== undefined && bucket !== undefined)
    problems.push('AUDIT_ANCHOR_FOLDER: stands beside AUDIT_ANCHOR_BUCKET; give one of them.');
  if (bucket !== undefined) return { bucket: bucketOf(env, bucket, isProduction, problems) };
  if (folder !== undefined) return { folder };
  if (isProduction)
    notes.push(
      'AUDIT_ANCHOR_BUCKET: not given; the audit log is sealed, but whoever owns the database could write it anew without being found out',
    );
  return null;
}

function bucketOf(env: AnchorEnvironment, bucket: string, isProduction: boolean, problems: string[]) {
  for (const key of ['AUDIT_ANCHOR_ACCESS_KEY_ID', 'AUDIT_ANCHOR_SECRET_ACCESS_KEY'] as const)
    if (env[key] === undefined) problems.push(`${key}: missing; a bucket needs it (of Google Cloud Storage: an HMAC key).`);
  if (!/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/.test(bucket)) problems.push('AUDIT_ANCHOR_BUCKET: not the name of a bucket.');
  if (isProduction && !env.AUDIT_ANCHOR_ENDPOINT.startsWith('https:')) problems.push('AUDIT_ANCHOR_ENDPOINT: in production it is https.');
  return {
    endpoint: env.AUDIT_ANCHOR_ENDPOINT.replace(/\/$/, ''),
    region: env.AUDIT_ANCHOR_REGION,
    bucket,
    accessKeyId: env.AUDIT_ANCHOR_ACCESS_KEY_ID ?? '',
    secretAccessKey: env.AUDIT_ANCHOR_SECRET_ACCESS_KEY ?? '',
  };
}
