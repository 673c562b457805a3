import type { GivenRole, PageQuery, Permission } from '@medspa/contracts';
import { keyset, sql, toPage, type Session, type Tx } from '@medspa/database';

const KEY = {
  id: true,
  name: true,
  permissions: true,
  locationIds: true,
  isEverywhere: true,
  createdBy: true,
  createdAt: true,
  expiresAt: true,
  revokedAt: true,
  use: { select: { seenAt: true } },
} as const;

/** What a key opens. */
export type FoundKey = { id: string; makerRoles: GivenRole[]; permissions: Permission[]; locationIds: string[] | null };

export function findApiKeyVerb(session: Session, secretHash: Uint8Array) {
  return sql<{ found: FoundKey | null }>`SELECT app.find_api_key(${session}::jsonb, ${secretHash}::bytea) AS found`;
}

type NewKey = {
  organizationId: string;
  id: string;
  name: string;
  secretHash: Uint8Array<ArrayBuffer>;
  permissions: Permission[];
  locationIds: string[] | null;
  createdBy: string;
  createdAt: Date;
  expiresAt: Date;
};

export async function insertKey(tx: Tx, { locationIds, ...key }: NewKey) {
  const where = { locationIds: locationIds ?? [], isEverywhere: locationIds === null };
  return shown(await tx.apiKey.create({ data: { ...key, ...where }, select: KEY }));
}

/** The last one first. */
export async function listKeys(tx: Tx, organizationId: string, page: PageQuery) {
  const rows = await tx.apiKey.findMany({
    where: { organizationId },
    orderBy: { id: 'desc' },
    select: KEY,
    ...keyset(page, organizationId),
  });
  return toPage(rows.map(shown), page);
}

export async function findKey(tx: Tx, organizationId: string, id: string) {
  const row = await tx.apiKey.findUnique({ where: { organizationId_id: { organizationId, id } }, select: KEY });
  return row && shown(row);
}

/** Revokes one key, or all that somebody made. Returns how many it ended. */
export async function revokeKeys(tx: Tx, organizationId: string, which: { id: string } | { createdBy: string }, at: Date): Promise<number> {
  const { count } = await tx.apiKey.updateMany({ where: { organizationId, ...which, revokedAt: null }, data: { revokedAt: at } });
  return count;
}

type Row = { permissions: string[]; locationIds: string[]; isEverywhere: boolean; use: { seenAt: Date } | null };

function shown<Given extends Row>({ permissions, locationIds, isEverywhere, use, ...row }: Given) {
  return {
    ...row,
    permissions: permissions as Permission[],
    locationIds: isEverywhere ? null : locationIds,
    seenAt: use?.seenAt ?? null,
  };
}
