import { createHash } from 'node:crypto';
import type pg from 'pg';

// The rows and seals as the verifier reads them. Nothing of schema `app` is asked: whoever can change rows can change functions.

/** A row of a log: what a seal says of it. */
export type LogRow = { organization: string; id: bigint; xact: bigint; content: Buffer };

export type Seal = {
  organization: string;
  log: string;
  sequence: number;
  from: bigint;
  to: bigint;
  rowCount: number;
  totalRows: number;
  rowsHash: Buffer;
  contentsHash: Buffer;
  previousRoot: Buffer;
  root: Buffer;
  sealedAtMillis: string;
};

/** Everything that a row says but its id, as `app.sealed_form` of the migrations has it. */
const FORMS = {
  audit_log: `pg_catalog.jsonb_build_array(xact, organization_id, at AT TIME ZONE 'UTC', actor_kind, actor_id, request_id, action,
    table_name, row_id, operation, before, after, reason)::text`,
  access_log: `pg_catalog.jsonb_build_array(xact, organization_id, at AT TIME ZONE 'UTC', actor_kind, actor_id, request_id, action,
    patient_ids, reason)::text`,
};
export type Log = keyof typeof FORMS;
export const LOGS = Object.keys(FORMS) as Log[];

const AT_ONCE = 2_000;

/** Every row of the log in the order of its transactions. */
export async function* readRows(client: pg.ClientBase, log: Log): AsyncGenerator<LogRow> {
  type Row = { organization: string; id: string; xact: string; form: string };
  const text = `SELECT organization_id AS organization, id::text, xact::text, ${FORMS[log]} AS form FROM public.${log} ORDER BY xact`;
  for await (const { organization, id, xact, form } of readAll<Row>(client, `rows_of_${log}`, text))
    yield { organization, id: BigInt(id), xact: BigInt(xact), content: sha256([form]) };
}

/** Every seal of the log in the order in which they were made. */
export async function* readSeals(client: pg.ClientBase, log: Log): AsyncGenerator<Seal> {
  type Row = Omit<Seal, 'sequence' | 'from' | 'to' | 'rowCount' | 'totalRows'> &
    Record<'sequence' | 'from' | 'to' | 'rowCount' | 'totalRows', string>;
  const text = `
    SELECT organization_id AS organization, log, sequence, from_xact AS "from", to_xact AS "to", row_count AS "rowCount", total_rows AS "totalRows",
      rows_hash AS "rowsHash", contents_hash AS "contentsHash", previous_root AS "previousRoot", root,
      (extract(epoch FROM sealed_at) * 1000)::bigint::text AS "sealedAtMillis"
    FROM public.audit_seal WHERE log = '${log}' ORDER BY to_xact, organization_id, sequence`;
  for await (const row of readAll<Row>(client, `seals_of_${log}`, text))
    yield {
      ...row,
      sequence: Number(row.sequence),
      from: BigInt(row.from),
      to: BigInt(row.to),
      rowCount: Number(row.rowCount),
      totalRows: Number(row.totalRows),
    };
}

/** The rows of a query, some at a time. */
async function* readAll<Row extends object>(client: pg.ClientBase, cursor: string, text: string): AsyncGenerator<Row> {
  await client.query(`DECLARE ${cursor} NO SCROLL CURSOR FOR ${text}`);
  for (;;) {
    const { rows } = await client.query<Row>(`FETCH ${AT_ONCE} FROM ${cursor}`);
    yield* rows;
    if (rows.length < AT_ONCE) break;
  }
  await client.query(`CLOSE ${cursor}`);
}

/** What a seal says of its rows: in the order of their ids, and in none. */
export function hashesOf(rows: readonly LogRow[]): { rowsHash: Buffer; contentsHash: Buffer } {
  const byId = rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const byContent = rows.map(({ content }) => content).toSorted(Buffer.compare);
  return {
    rowsHash: sha256(byId.flatMap(({ id, content }) => [bigintBytes(id), content])),
    contentsHash: sha256(byContent),
  };
}

/** The root that follows from what a seal says. */
export function rootOf(seal: Seal): Buffer {
  const said = [seal.organization, seal.log, seal.sequence, seal.from, seal.to, seal.rowCount, seal.totalRows];
  const hashes = [seal.rowsHash.toString('hex'), seal.contentsHash.toString('hex')];
  return sha256([seal.previousRoot, [...said, ...hashes, seal.sealedAtMillis].join('|')]);
}

function bigintBytes(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

function sha256(parts: (Buffer | string)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
