import { createHash, randomBytes } from 'node:crypto';
import type { DatabaseSettings } from '../settings.ts';
import { ownerPool } from './connection.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const LENGTH = 26;
const HOURS = 24;

/**
 * Whether nobody has made an organization yet. Row-level security hides organizations from everybody who asks here; that the table
 * never had a row, everybody can see.
 */
export async function hasNoOrganization(signIn: DatabaseSettings): Promise<boolean> {
  await using pool = ownerPool(signIn);
  const { rows } = await pool.query(`SELECT pg_relation_size('public.organization') = 0 AS "isEmpty"`);
  return rows[0].isEmpty;
}

/**
 * Makes the code with which one person makes an organization and becomes its owner (AUT-8), as the owner of the tables: the
 * service itself can use one up and make none. 130 random bits, kept as a hash, good for a day; an earlier one ends.
 */
export async function issueSetupCode(owner: DatabaseSettings): Promise<string> {
  const code = [...randomBytes(LENGTH)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('');
  const hash = createHash('sha256').update(code).digest();
  await using pool = ownerPool(owner);
  await pool.query(
    `WITH gone AS (DELETE FROM setup_code) INSERT INTO setup_code (code_hash, expires_at) VALUES ($1, now() + make_interval(hours => $2))`,
    [hash, HOURS],
  );
  return (code.match(/.{1,5}/g) ?? []).join('-');
}
