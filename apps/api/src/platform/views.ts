import { FIELD_PERMISSION, FIELD_PERMISSIONS, type FieldPermission, type Grants } from '@medspa/contracts';
import type { z } from 'zod';
import { escapePointer } from './problem.ts';

// Which fields of what travels an actor may see (HIP-10). The contract says at a field which permission it takes; here it is
// left out of answers, absent and not null, and found in requests.

/** The places of a schema that hold fields which somebody may not see: of an object, or of every entry of a list. */
type Hidden = { fields: string[]; within: [key: string, hidden: Hidden][]; entries: Hidden | null };

/** By schema and by which permissions are lacking: worked out once for all requests. */
const known = new WeakMap<z.ZodType, Map<string, Hidden | null>>();

/** What of a schema is hidden from whoever holds these permissions, at one location at least; null when nothing is. */
function hiddenOf(schema: z.ZodType, grants: Grants): Hidden | null {
  const lacking = FIELD_PERMISSIONS.filter((permission) => !grants.has(permission));
  if (lacking.length === 0) return null;
  const name = lacking.join(' ');
  const byLacking = known.get(schema) ?? new Map<string, Hidden | null>();
  known.set(schema, byLacking);
  const before = byLacking.get(name);
  if (before !== undefined) return before;
  const hidden = findHidden(schema, new Set(lacking));
  byLacking.set(name, hidden);
  return hidden;
}

/** Whether some field of the schema takes a permission of its own. */
export function hasGuardedFields(schema: z.ZodType): boolean {
  return hiddenOf(schema, new Map()) !== null;
}

/** The value without what the actor may not see, changed in place. Nothing is walked where the schema hides nothing from them. */
export function shown<Value>(schema: z.ZodType, grants: Grants, value: Value): Value {
  const hidden = hiddenOf(schema, grants);
  if (hidden) leaveOut(value, hidden);
  return value;
}

/** JSON pointers of what a request holds and its sender may not see. */
export function forbiddenIn(schema: z.ZodType, grants: Grants, value: unknown): string[] {
  const hidden = hiddenOf(schema, grants);
  return hidden ? pointersOf(value, hidden, '') : [];
}

/** The schema of a type, as Zod keeps it. */
type Definition = {
  type: string;
  shape?: Record<string, z.ZodType>;
  element?: z.ZodType;
  innerType?: z.ZodType;
  in?: z.ZodType;
  [other: string]: unknown;
};
const definitionOf = (schema: z.ZodType) => schema.def as unknown as Definition;

function findHidden(schema: z.ZodType, lacking: ReadonlySet<FieldPermission>): Hidden | null {
  const { type, shape, element, innerType, in: wire } = definitionOf(schema);
  if (shape) {
    const fields = Object.entries(shape);
    const isHidden = ([, field]: (typeof fields)[number]) => {
      const permission = permissionOf(field);
      return permission !== undefined && lacking.has(permission);
    };
    const within = fields
      .filter((field) => !isHidden(field))
      .flatMap(([key, field]): Hidden['within'] => {
        const hidden = findHidden(field, lacking);
        return hidden ? [[key, hidden]] : [];
      });
    const own = fields.filter(isHidden).map(([key]) => key);
    return own.length + within.length === 0 ? null : { fields: own, within, entries: null };
  }
  if (element) {
    const entries = findHidden(element, lacking);
    return entries && { fields: [], within: [], entries };
  }
  const inner = innerType ?? (type === 'pipe' ? wire : undefined);
  return inner ? findHidden(inner, lacking) : null;
}

/** Which permission the contract says a field takes, also below what makes it optional or nullable. */
function permissionOf(field: z.ZodType): FieldPermission | undefined {
  const { innerType } = definitionOf(field);
  return (field.meta()?.[FIELD_PERMISSION] as FieldPermission | undefined) ?? (innerType && permissionOf(innerType));
}

function leaveOut(value: unknown, { fields, within, entries }: Hidden): void {
  if (Array.isArray(value)) {
    if (entries) for (const entry of value) leaveOut(entry, entries);
  } else if (typeof value === 'object' && value !== null) {
    const node = value as Record<string, unknown>;
    for (const field of fields) delete node[field];
    for (const [key, hidden] of within) leaveOut(node[key], hidden);
  }
}

function pointersOf(value: unknown, { fields, within, entries }: Hidden, at: string): string[] {
  if (Array.isArray(value)) return entries ? value.flatMap((entry, index) => pointersOf(entry, entries, `${at}/${index}`)) : [];
  if (typeof value !== 'object' || value === null) return [];
  const node = value as Record<string, unknown>;
  return [
    ...fields.filter((field) => Object.hasOwn(node, field)).map((field) => `${at}/${escapePointer(field)}`),
    ...within.flatMap(([key, hidden]) => pointersOf(node[key], hidden, `${at}/${escapePointer(key)}`)),
  ];
}
