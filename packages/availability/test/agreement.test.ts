import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changesSeen, differenceIn, type Compared } from './agreement.ts';
import { CHANGES } from './local-clock.ts';
import { worlds } from './worlds.ts';

/** `SEED` and `WORLDS` widen the search; `npm run soak -- availability` is its long form. */
const SEED = Number(process.env['SEED'] ?? 20_261_123);
const WORLDS = Number(process.env['WORLDS'] ?? 1_000);

test(`search, assignment and reasons agree with a search minute by minute in ${WORLDS} random clinics (seed ${SEED})`, () => {
  const compared: Compared = new Map();
  fc.assert(
    fc.property(worlds, (world) => {
      const difference = differenceIn(world, compared);
      if (difference) throw new Error(difference);
    }),
    { seed: SEED, numRuns: WORLDS },
  );
  expect(changesSeen(compared)).toBe(CHANGES);
  // Worlds in which nothing is open would agree about nothing.
  for (const what of ['starts', 'assigned visits', 'reason provider', 'change later'])
    expect(compared.get(what), what).toBeGreaterThan(WORLDS);
}, 120_000);
