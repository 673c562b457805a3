import type pg from 'pg';
import type { Anchor } from '../../apps/api/src/platform/audit/anchor.ts';
import type { Finding, Kind, Verified } from './findings.ts';
import { hashesOf, LOGS, readRows, readSeals, rootOf, type Log, type LogRow, type Seal } from './rows.ts';

/** What was found, at most one finding for each log of an organization, and how far each was looked at. */
export type Verdict = { findings: Finding[]; verified: Verified[] };

/** A log of an organization while it is read: the end of its chain, and rows that no seal was seen for yet. */
type Chain = { last: Seal | null; rows: LogRow[]; bad: { kind: Kind; sequence: number } | null; verified: Verified };

/** Anchors of one log of one organization by the sequence of the seal. */
type AnchorsBySeal = Map<number, Anchor[]>;

/**
 * Holds rows, seals and anchors against each other, both logs, all organizations. Reads only, and wants to be called in one transaction
 * (REPEATABLE READ), whose role sees every organization.
 */
export async function verifyLogs(client: pg.ClientBase, anchors: readonly Anchor[]): Promise<Verdict> {
  // Both logs are sealed up to one transaction: what is older and in no seal came later.
  const sealedUntil = await findSealedUntil(client);
  const verdicts: Verdict[] = [];
  for (const log of LOGS)
    verdicts.push(
      await verifyLog(
        client,
        log,
        sealedUntil,
        anchors.filter((anchor) => anchor.log === log),
      ),
    );
  return { findings: verdicts.flatMap(({ findings }) => findings), verified: verdicts.flatMap(({ verified }) => verified) };
}

async function verifyLog(client: pg.ClientBase, log: Log, sealedUntil: bigint, anchors: readonly Anchor[]): Promise<Verdict> {
  const bySeal = new Map<string, AnchorsBySeal>();
  for (const [organization, own] of Map.groupBy(anchors, (anchor) => anchor.organization))
    bySeal.set(
      organization,
      Map.groupBy(own, ({ sequence }) => sequence),
    );
  const chains = new Map<string, Chain>();
  const chainOf = (organization: string): Chain => {
    const known = chains.get(organization);
    if (known) return known;
    const verified = { organization, log, seals: 0, rows: 0, unsealed: 0, anchored: null };
    const chain: Chain = { last: null, rows: [], bad: null, verified };
    chains.set(organization, chain);
    return chain;
  };
  for (const organization of bySeal.keys()) chainOf(organization);

  const rows = readRows(client, log);
  let row = await rows.next();
  // Both come in the order of transactions: when a seal is read, so are all rows that it may cover.
  for await (const seal of readSeals(client, log)) {
    for (; !row.done && row.value.xact < seal.to; row = await rows.next()) chainOf(row.value.organization).rows.push(row.value);
    checkSeal(chainOf(seal.organization), seal, bySeal.get(seal.organization)?.get(seal.sequence) ?? []);
  }
  for (; !row.done; row = await rows.next()) chainOf(row.value.organization).rows.push(row.value);
  for (const chain of chains.values()) {
    chain.verified.unsealed = chain.rows.length;
    if (chain.rows.some(({ xact }) => xact < sealedUntil)) chain.bad ??= { kind: 'added-row', sequence: (chain.last?.sequence ?? 0) + 1 };
  }
  for (const [organization, chain] of chains) checkTail(chain, [...(bySeal.get(organization)?.keys() ?? [])]);

  const verified = [...chains.values()].map((chain) => chain.verified).toSorted((a, b) => a.organization.localeCompare(b.organization));
  const findings = verified.flatMap(({ organization }): Finding[] => {
    const bad = chains.get(organization)?.bad;
    return bad ? [{ organization, log, ...bad }] : [];
  });
  return { findings, verified };
}

async function findSealedUntil(client: pg.ClientBase): Promise<bigint> {
  const { rows } = await client.query<{ until: string | null }>('SELECT max(to_xact)::text AS until FROM public.audit_seal');
  return BigInt(rows[0]?.until ?? 0);
}

/** Takes the rows of the seal from the chain, and writes down the first that is wrong. */
function checkSeal(chain: Chain, seal: Seal, anchors: readonly Anchor[]): void {
  const { last } = chain;
  const rows = chain.rows.filter(({ xact }) => xact >= seal.from && xact < seal.to);
  chain.rows = chain.rows.filter(({ xact }) => xact >= seal.to);
  const kind = linkFault(last, seal) ?? rowsFault(seal, rows) ?? anchorFault(seal, anchors);
  if (kind) chain.bad ??= { kind, sequence: kind === 'missing-seal' ? (last?.sequence ?? 0) + 1 : seal.sequence };
  chain.last = seal;
  chain.verified.seals++;
  chain.verified.rows += rows.length;
  const latest = anchors.at(-1);
  if (latest && !chain.bad) chain.verified.anchored = { sequence: seal.sequence, time: latest.time };
}

/** A seal is what its own root says, and follows the one before it. */
function linkFault(last: Seal | null, seal: Seal): Kind | null {
  if (!rootOf(seal).equals(seal.root)) return 'changed-seal';
  if (seal.sequence !== (last?.sequence ?? 0) + 1) return 'missing-seal';
  const follows =
    seal.previousRoot.equals(last?.root ?? Buffer.alloc(32)) &&
    seal.from === (last?.to ?? 0n) &&
    seal.totalRows === (last?.totalRows ?? 0) + seal.rowCount;
  return follows ? null : 'broken-chain';
}

function rowsFault(seal: Seal, rows: readonly LogRow[]): Kind | null {
  if (rows.length !== seal.rowCount) return rows.length < seal.rowCount ? 'missing-row' : 'added-row';
  const { rowsHash, contentsHash } = hashesOf(rows);
  if (rowsHash.equals(seal.rowsHash)) return null;
  return contentsHash.equals(seal.contentsHash) ? 'swapped-rows' : 'changed-row';
}

function anchorFault(seal: Seal, anchors: readonly Anchor[]): Kind | null {
  const root = seal.root.toString('hex');
  return anchors.every(({ head, count }) => head === root && count === seal.totalRows) ? null : 'rewritten-chain';
}

function checkTail(chain: Chain, anchored: readonly number[]): void {
  const end = chain.last?.sequence ?? 0;
  const beyond = anchored.filter((sequence) => sequence > end);
  if (beyond.length > 0) chain.bad ??= { kind: 'short-tail', sequence: end + 1 };
}
