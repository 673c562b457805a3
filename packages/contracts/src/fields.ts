import type { z } from 'zod';
import type { Permission } from './permissions.ts';

/** Permissions of single fields: a verb is allowed by another one, and these say what it shows and takes. */
export const FIELD_PERMISSIONS = ['patient:contact', 'patient:clinical', 'money:read'] as const satisfies Permission[];
export type FieldPermission = (typeof FIELD_PERMISSIONS)[number];

/** Where a schema says it; the same name in the OpenAPI document. */
export const FIELD_PERMISSION = 'x-permission';

/**
 * A field that takes a permission of its own. Of an answer it is left out for whoever lacks the permission, so it is optional
 * there; a request that holds it is refused for them. Enforced where requests are read and answers are written, and nowhere else.
 */
export function only<Schema extends z.ZodType>(permission: FieldPermission, schema: Schema): Schema {
  return schema.meta({ ...schema.meta(), [FIELD_PERMISSION]: permission });
}
