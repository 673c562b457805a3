// `npm run bench -- NAME [--json] [--rounds N] [--seconds S]`: one benchmark, by the name of its file.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string' }, seconds: { type: 'string' } },
});
const [name = ''] = positionals;
const file = join(import.meta.dirname, `${name}.bench.ts`);
if (!existsSync(file)) {
  const known = readdirSync(import.meta.dirname).flatMap((entry) => (entry.endsWith('.bench.ts') ? [entry.replace('.bench.ts', '')] : []));
  console.error(`There is no benchmark "${name}". Known: ${known.join(', ')}.`);
  process.exit(1);
}

const { bench } = (await import(file)) as { bench: Bench };
const say = (text: string) => process.stderr.write(`${text}\n`);
const report = await bench({ rounds: Number(values.rounds ?? 7), secondsPerRound: Number(values.seconds ?? 1.5), say });
say(`\n${report.table}`);
if (values.json) console.log(JSON.stringify({ bench: name, ...report.result }));
process.exitCode = report.result.ok ? 0 : 1;
