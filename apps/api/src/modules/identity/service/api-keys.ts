import { createHash, randomBytes } from 'node:crypto';
import { v7 as newId } from 'uuid';
import {
  ApiKey,
  covers,
  grant,
  grantsOf,
  intersection,
  KEY_PERMISSIONS,
  NewApiKey,
  type CreateApiKey,
  type PageQuery,
} from '@medspa/contracts';
import { ANYBODY, type Ctx } from '../../../platform/context.ts';
import { call, mutate, view } from '../../../platform/doors.ts';
import type { FindActor } from '../../../platform/edge.ts';
import { problemAt } from '../../../platform/problem.ts';
import { hashOf } from '../../../platform/tokens.ts';
import { existing, pageAfter } from '../../../platform/versioned.ts';
import * as queries from '../queries/api-keys.ts';
import { findLocation } from '../queries.ts';
import type { SignInParts } from './session.ts';

/** `medspa_`, the organization and 256 random bits in hex, and the beginning of a hash of all that: what a scanner for secrets knows by form. */
const FORM = /^Bearer (medspa_([0-9a-f]{32})_([0-9a-f]{64}))([0-9a-f]{8})$/i;
const checksumOf = (key: string) => createHash('sha256').update(key).digest('hex').slice(0, 8);

/**
 * Says which integration's key a request comes with; null when it has none that is one, it was revoked, past its end, or made by somebody
 * who left. It may do what it was given and its maker may do still.
 */
export function findKey(parts: SignInParts): FindActor {
  return async (headers) => {
    const [, key = '', organization = '', secret = '', checksum] = FORM.exec(headers.get('authorization') ?? '') ?? [];
    if (checksum !== checksumOf(key)) return null;
    const organizationId = organization.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    const ctx = { ...parts, organizationId, actor: ANYBODY, requestId: 'api-key' };
    const { found } = await call(ctx, { needs: 'account:sign-in', action: 'api-key.find' }, (session) =>
      queries.findApiKeyVerb(session, hashOf(secret)),
    );
    if (!found) return null;
    const given = found.permissions.filter((permission) => KEY_PERMISSIONS.includes(permission));
    const grants = intersection(grant(given, found.locationIds ?? 'everywhere'), grantsOf(found.makerRoles));
    return { organizationId, actor: { kind: 'integration', id: found.id, grants } };
  };
}

/** Makes a key for an integration. Throws `beyond-own-permissions`, `not-found` for a location. */
export function createKey(ctx: Ctx, { name, permissions, locationIds, expiresInDays }: CreateApiKey) {
  const { organizationId, actor } = ctx;
  const [id, secret, createdAt] = [newId(), randomBytes(32).toString('hex'), ctx.now()];
  const key = `medspa_${organizationId.replaceAll('-', '')}_${secret}`;
  return mutate(ctx, { needs: 'api-key:write', action: 'api-key.create', reply: NewApiKey }, async (tx) => {
    for (const [index, permission] of permissions.entries())
      if (!covers(actor.grants, grant([permission], locationIds ?? 'everywhere')))
        throw problemAt('beyond-own-permissions', `/permissions/${index}`);
    for (const [index, locationId] of (locationIds ?? []).entries())
      if (!(await findLocation(tx, organizationId, locationId))) throw problemAt('not-found', `/locationIds/${index}`);
    const row = await queries.insertKey(tx, {
      organizationId,
      id,
      name,
      secretHash: hashOf(secret),
      permissions,
      locationIds: locationIds ?? null,
      createdBy: actor.id,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + expiresInDays * 86_400_000),
    });
    return { ...row, key: key + checksumOf(key) };
  });
}

export function listKeys(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: 'api-key:read', action: 'api-key.list' }, async (tx) =>
    pageAfter(page, await queries.listKeys(tx, ctx.organizationId, page), (id) => queries.findKey(tx, ctx.organizationId, id)),
  );
}

/** Ends a key for good. Throws `not-found`; twice is once. */
export function revokeKey(ctx: Ctx, id: string) {
  return mutate(ctx, { needs: 'api-key:write', action: 'api-key.revoke', reply: ApiKey }, async (tx) => {
    await queries.revokeKeys(tx, ctx.organizationId, { id }, ctx.now());
    return existing(await queries.findKey(tx, ctx.organizationId, id));
  });
}
