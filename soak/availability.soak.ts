import fc from 'fast-check';
import { changesSeen, differenceIn, type Compared } from '../packages/availability/test/agreement.ts';
import { CHANGES } from '../packages/availability/test/local-clock.ts';
import { worlds, type World } from '../packages/availability/test/worlds.ts';
import { atLeast, type Soak } from './soak.ts';

/** Worlds with one seed; that of a chunk reproduces what it found. */
const CHUNK = 1_000;
const AGREES = 'the engine and a search minute by minute agree';

export const soak: Soak = {
  title: 'The engine of availability is held against a search minute by minute',
  does: 'Random clinics and visits around both days on which the clocks change, in six zones: every start, assignments, reasons, and what would open a start, each compared with a search that tries everything and shares no code with the engine.',
  control: 'the engine is told of no buffers',
  breaks: AGREES,
  count: 100_000,
  minutes: 120,
  run: async ({ seed, count, minutes, isControl, say }) => {
    const compared: Compared = new Map();
    const since = performance.now();
    let done = 0;
    let difference: string | null = null;
    while (done < count && !difference && performance.now() - since < minutes * 60_000) {
      const chunkSeed = seed * 1_000_000 + done;
      const numRuns = Math.min(CHUNK, count - done);
      const result = fc.check(
        fc.property(worlds, (world) => {
          const found = differenceIn(world, compared, isControl ? withoutBuffers(world) : world.visit);
          if (found) throw new Error(found);
        }),
        { seed: chunkSeed, numRuns },
      );
      if (result.failed) difference = `seed ${chunkSeed}: ${String(result.errorInstance)} in ${JSON.stringify(result.counterexample)}`;
      done += result.numRuns;
      say(`${done} of ${count} worlds, the last of them with seed ${chunkSeed}`);
    }
    const counted = (what: string) => [...compared].reduce((sum, [name, times]) => sum + (name.startsWith(what) ? times : 0), 0);
    return {
      figures: {
        worlds: done,
        slots: counted('slots'),
        starts: counted('starts'),
        assignedVisits: counted('assigned'),
        reasons: counted('reason'),
        changes: counted('change '),
      },
      rules: [
        {
          rule: AGREES,
          figure: difference ? `${done} worlds until they differ, first: ${difference}` : `${done} worlds`,
          holds: difference === null,
        },
        atLeast('worlds that were asked for', done, count),
        atLeast('zones and days on which the clocks change', changesSeen(compared), CHANGES),
      ],
    };
  },
};

/** What the engine is told of in a control: a visit that takes no buffers. */
function withoutBuffers({ visit }: World): World['visit'] {
  const none = { beforeMinutes: 0, afterMinutes: 0 };
  return { ...visit, services: visit.services.map((service) => ({ ...service, buffers: { provider: none, room: none, device: none } })) };
}
