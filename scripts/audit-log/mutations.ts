// What an intruder with every right on the database could do to the logs, chosen by a seed: for the verifier's test.
import type pg from 'pg';
import type { Kind } from './findings.ts';
import { hashesOf, readRows, readSeals, rootOf, type Log, type Seal } from './rows.ts';

export type Chain = { organization: string; log: Log; seals: number };
/** What was done, and what it should be called; a null kind or sequence may be any. */
export type Mutation = { organization: string; log: Log; what: string; kind: Kind | null; sequence: number | null };

type Place = Chain & { client: pg.ClientBase; random: (below: number) => number };
type Effect = { kind: Kind | null; sequence: number | null };

/** Numbers below a limit, the same for the same seed (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

/** Each way in its turn, each at a place that the seed chooses. */
export function aMutation(seed: number, turn: number, chains: readonly Chain[]): (client: pg.ClientBase) => Promise<Mutation> {
  const random = randomFrom(seed);
  const chain = chains[random(chains.length)];
  const [what, apply] = WAYS[turn % WAYS.length] ?? [];
  if (!chain || !what || !apply) throw new Error('A mutation needs a log.');
  const { organization, log } = chain;
  return async (client) => ({ organization, log, what, ...(await apply({ ...chain, client, random })) });
}

const WAYS: [what: string, apply: (place: Place) => Promise<Effect>][] = [
  ['edits of a row', editRow],
  ['deletions of a row', deleteRows],
  ['swaps within a seal', (place) => swapRows(place, false)],
  ['swaps across seals', (place) => swapRows(place, true)],
  ['insertions', insertRow],
  ['rows moved to another seal', moveRow],
  ['rows cut off', cutRows],
  ['tails cut off with their seals', cutTail],
  ['seals removed', removeSeal],
  ['seals edited', editSeal],
  ['chains written anew', rewrite],
];

/** Rows of a seal, by `row` (a number in the order of ids) where one is wanted. */
const OF_SEAL = `organization_id = $1 AND xact >= (SELECT from_xact FROM audit_seal WHERE organization_id = $1 AND log = $2 AND sequence = $3)
  AND xact < (SELECT to_xact FROM audit_seal WHERE organization_id = $1 AND log = $2 AND sequence = $3)`;

async function idsOf({ client, organization, log }: Place, sequence: number): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(`SELECT id FROM ${log} WHERE ${OF_SEAL} ORDER BY id`, [organization, log, sequence]);
  return rows.map(({ id }) => id);
}

async function aRow(place: Place, sequence: number): Promise<string> {
  const ids = await idsOf(place, sequence);
  return ids[place.random(ids.length)] ?? '';
}

const aSeal = ({ random, seals }: Place) => 1 + random(seals);

async function editRow(place: Place): Promise<Effect> {
  const { client, organization, log, random } = place;
  const both = [
    `actor_kind = actor_kind || 'x'`,
    'actor_id = gen_random_uuid()',
    `request_id = request_id || ' '`,
    `action = 'patient.read'`,
    `at = at + interval '1 millisecond'`,
    `reason = 'another one'`,
  ];
  const own =
    log === 'audit_log'
      ? [
          `table_name = 'claim'`,
          'row_id = gen_random_uuid()',
          `operation = 'delete'`,
          `before = '{"a": 1}'`,
          `after = after || '{"name": "x"}'`,
          'after = NULL',
        ]
      : [`patient_ids = patient_ids || gen_random_uuid()`, `patient_ids = '{}'`];
  const changes = [...both, ...own];
  const sequence = aSeal(place);
  await client.query(`UPDATE ${log} SET ${changes[random(changes.length)]} WHERE organization_id = $1 AND id = $2`, [
    organization,
    await aRow(place, sequence),
  ]);
  return { kind: 'changed-row', sequence };
}

async function deleteRows(place: Place): Promise<Effect> {
  const sequence = aSeal(place);
  const ids = await idsOf(place, sequence);
  const from = place.random(ids.length);
  await place.client.query(`DELETE FROM ${place.log} WHERE organization_id = $1 AND id = ANY ($2)`, [
    place.organization,
    ids.slice(from, from + 1 + place.random(3)),
  ]);
  return { kind: 'missing-row', sequence };
}

/** Each row gets the other's id. Rows of one transaction may be alike but for their ids; then nothing is swapped, and one gets another's time. */
async function swapRows(place: Place, isAcross: boolean): Promise<Effect> {
  const { client, organization, log, seals, random } = place;
  const first = 1 + random(seals - 1);
  const second = isAcross ? first + 1 + random(seals - first) : first;
  const one = await aRow(place, first);
  const others = (await idsOf(place, second)).filter((id) => id !== one);
  const other = others[random(others.length)];
  const { rows } = await client.query<{ forms: string }>(
    `SELECT count(DISTINCT to_jsonb(l) - 'id') AS forms FROM ${log} l WHERE organization_id = $1 AND id = ANY ($2)`,
    [organization, [one, other]],
  );
  if (rows[0]?.forms === '1') {
    await client.query(`UPDATE ${log} SET at = at + interval '1 millisecond' WHERE organization_id = $1 AND id = $2`, [organization, one]);
    return { kind: 'changed-row', sequence: first };
  }
  await client.query(
    `UPDATE ${log} SET id = CASE id WHEN $2::bigint THEN $3::bigint ELSE $2::bigint END WHERE organization_id = $1 AND id IN ($2::bigint, $3::bigint)`,
    [organization, one, other],
  );
  return { kind: 'swapped-rows', sequence: first };
}

async function insertRow(place: Place): Promise<Effect> {
  const { client, organization, log } = place;
  const sequence = aSeal(place);
  const columns = `organization_id, at, actor_kind, actor_id, request_id, action, xact, ${log === 'audit_log' ? 'table_name, row_id, operation, before, after, reason' : 'patient_ids, reason'}`;
  await client.query(`INSERT INTO ${log} (${columns}) SELECT ${columns} FROM ${log} WHERE organization_id = $1 AND id = $2`, [
    organization,
    await aRow(place, sequence),
  ]);
  return { kind: 'added-row', sequence };
}

async function moveRow(place: Place): Promise<Effect> {
  const { client, organization, log, seals, random } = place;
  const from = aSeal(place);
  const to = 1 + ((from - 1 + 1 + random(seals - 1)) % seals);
  await client.query(
    `UPDATE ${log} SET xact = (SELECT from_xact FROM audit_seal WHERE organization_id = $1 AND log = $2 AND sequence = $4) WHERE organization_id = $1 AND id = $3`,
    [organization, log, await aRow(place, from), to],
  );
  return from < to ? { kind: 'missing-row', sequence: from } : { kind: 'added-row', sequence: to };
}

async function cutRows(place: Place): Promise<Effect> {
  const { client, organization, log } = place;
  const sequence = aSeal(place);
  await client.query(
    `DELETE FROM ${log} WHERE organization_id = $1 AND xact >= (SELECT from_xact FROM audit_seal WHERE organization_id = $1 AND log = $2 AND sequence = $3)`,
    [organization, log, sequence],
  );
  return { kind: 'missing-row', sequence };
}

async function cutTail(place: Place): Promise<Effect> {
  const { sequence } = await cutRows(place);
  await place.client.query('DELETE FROM audit_seal WHERE organization_id = $1 AND log = $2 AND sequence >= $3', [
    place.organization,
    place.log,
    sequence,
  ]);
  return { kind: 'short-tail', sequence };
}

async function removeSeal(place: Place): Promise<Effect> {
  const sequence = 1 + place.random(place.seals - 1);
  await place.client.query('DELETE FROM audit_seal WHERE organization_id = $1 AND log = $2 AND sequence = $3', [
    place.organization,
    place.log,
    sequence,
  ]);
  return { kind: 'missing-seal', sequence };
}

async function editSeal(place: Place): Promise<Effect> {
  const changes = [
    'row_count = row_count + 1, total_rows = total_rows + 1',
    'rows_hash = sha256(rows_hash)',
    'contents_hash = sha256(contents_hash)',
    'previous_root = sha256(previous_root)',
    'root = sha256(root)',
    `sealed_at = sealed_at - interval '1 day'`,
  ];
  const sequence = aSeal(place);
  await place.client.query(
    `UPDATE audit_seal SET ${changes[place.random(changes.length)]} WHERE organization_id = $1 AND log = $2 AND sequence = $3`,
    [place.organization, place.log, sequence],
  );
  return { kind: 'changed-seal', sequence };
}

/** Edits a row and makes every seal anew from there on, as one who knows how. Found at the next anchor, wherever that is. */
async function rewrite(place: Place): Promise<Effect> {
  const { client, organization, log } = place;
  const { sequence: from } = await editRow(place);
  const rows = await all(readRows(client, log), organization);
  let previous: Seal | null = null;
  for (const seal of await all(readSeals(client, log), organization)) {
    const before: Seal | null = previous;
    previous = seal;
    if (from === null || seal.sequence < from) continue;
    Object.assign(seal, hashesOf(rows.filter(({ xact }) => xact >= seal.from && xact < seal.to)), {
      previousRoot: before?.root ?? Buffer.alloc(32),
    });
    seal.root = rootOf(seal);
    await client.query(
      'UPDATE audit_seal SET rows_hash = $4, contents_hash = $5, previous_root = $6, root = $7 WHERE organization_id = $1 AND log = $2 AND sequence = $3',
      [organization, log, seal.sequence, seal.rowsHash, seal.contentsHash, seal.previousRoot, seal.root],
    );
  }
  return { kind: 'rewritten-chain', sequence: null };
}

async function all<T extends { organization: string }>(rows: AsyncIterable<T>, organization: string): Promise<T[]> {
  const own: T[] = [];
  for await (const row of rows) if (row.organization === organization) own.push(row);
  return own;
}
