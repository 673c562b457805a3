import { z } from 'zod';
import type { Permission } from './permissions.ts';
import { cellOf, KEY_PERMISSIONS } from './policy.ts';
import { Id, Instant, text } from './primitives.ts';

const permissions = z.array(z.enum(KEY_PERMISSIONS as [Permission, ...Permission[]]));
const locationIds = z.array(Id);

/** A key of an integration, without what it says of itself: that is shown once. */
export const ApiKey = z
  .object({
    id: Id,
    name: z.string(),
    permissions,
    locationIds: locationIds.nullable().describe('where they hold; null everywhere'),
    createdBy: Id.describe('the staff member with whom it ends'),
    createdAt: Instant,
    expiresAt: Instant,
    seenAt: Instant.nullable().describe('last use, to half a minute'),
    revokedAt: Instant.nullable(),
  })
  .meta({ id: 'ApiKey' });
export type ApiKey = z.infer<typeof ApiKey>;

export const CreateApiKey = z
  .strictObject({
    name: text(80),
    permissions: permissions.min(1).max(KEY_PERMISSIONS.length),
    locationIds: locationIds.min(1).max(100).nullish().describe('everywhere unless told'),
    expiresInDays: z.int().min(1).max(730).default(365),
  })
  .superRefine((key, check) => {
    for (const [index, permission] of key.permissions.entries()) {
      if (key.locationIds && cellOf('owner', permission) === 'all')
        check.addIssue({ code: 'custom', path: ['permissions', index], message: "Is the whole organization's, not some locations'." });
    }
  });
export type CreateApiKey = z.infer<typeof CreateApiKey>;

export const NewApiKey = ApiKey.extend({
  key: z.string().meta({
    description: 'for `Authorization: Bearer`; shown this once',
    examples: [`medspa_0192f0c47a2e7000800000000000a001_${'5f'.repeat(32)}1c2d3e4f`],
  }),
}).meta({ id: 'NewApiKey' });
export type NewApiKey = z.infer<typeof NewApiKey>;
