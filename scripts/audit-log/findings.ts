/** What can be wrong, in plain words. */
export const KINDS = {
  'changed-row': 'a row says something else than when it was sealed',
  'missing-row': 'rows that were sealed are gone',
  'added-row': 'rows were put among those that were sealed',
  'swapped-rows': 'rows have changed places',
  'changed-seal': 'the seal itself says something else than when it was made',
  'missing-seal': 'seals between two others are gone',
  'broken-chain': 'the seal does not follow from the one before it: the chain up to there was written anew',
  'rewritten-chain': 'the log and its seals agree, but not with the anchor: both were written anew',
  'short-tail': 'the anchor knows more than the log has: its end was cut off, or an older backup was restored',
  'bad-signature': 'an anchor is not as it was signed, or cannot be read',
  'foreign-signature': 'an anchor was signed by a key that is not trusted',
} as const;
export type Kind = keyof typeof KINDS;

/** The first that is wrong with one log of one organization. An anchor that cannot be read belongs to none. */
export type Finding = { organization: string | null; log: string | null; kind: Kind; sequence: number | null };

/** How far a log was looked at. */
export type Verified = {
  organization: string;
  log: string;
  seals: number;
  rows: number;
  /** Rows that no seal covers yet: nothing is known of them. */
  unsealed: number;
  /** The last seal that an anchor confirms; null where none does. */
  anchored: { sequence: number; time: string } | null;
};

export const CANNOT_PROVE = `What this cannot prove:
  - that everything that happened was written down, or that a row that was written tells the truth;
  - anything after the last anchor of a log: its end can be cut off or written anew;
  - anything against whoever has the database and also the anchors or the key that signs them;
  - that the clock was right;
  - anything where the server's own program was altered to show other rows than it has.`;
