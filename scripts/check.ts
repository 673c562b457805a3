// Everything about the source that can be checked without running it. What CI runs, and `npm run check`.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findAuditMapViolations } from './audit-map.ts';
import { findDocViolations } from './docs.ts';
import { findRequirementViolations, pendingIn, readRequirements } from './requirements.ts';
import { findViolations } from './structure.ts';
import { findSupplyViolations } from './supply.ts';

const root = join(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules/.bin', name);

type Step = { name: string; run: () => string | null; hint?: string };

const steps: Step[] = [
  { name: 'format', run: () => command(bin('oxfmt'), ['--check']), hint: 'npm run format' },
  { name: 'types', run: () => command(bin('tsc'), ['-p', '.']) },
  { name: 'lint', run: () => command(bin('oxlint'), ['--type-aware', '--deny-warnings', '--report-unused-disable-directives']) },
  { name: 'structure', run: () => report(findViolations(root)) },
  { name: 'supply', run: () => report(findSupplyViolations(root)) },
  { name: 'docs', run: () => report([...findDocViolations(root), ...findAuditMapViolations(root), ...findRequirementViolations(root)]) },
  { name: 'unused', run: () => command(bin('knip'), ['--no-progress']) },
  { name: 'openapi', run: () => command(process.execPath, ['scripts/openapi.ts', '--check']), hint: 'npm run openapi' },
  { name: 'access', run: () => command(process.execPath, ['scripts/access.ts', '--check']), hint: 'npm run access' },
];

let failed = 0;
for (const step of steps) {
  const since = performance.now();
  const problem = step.run();
  const took = `${((performance.now() - since) / 1000).toFixed(1)} s`.padStart(7);
  console.log(`${problem === null ? 'ok  ' : 'FAIL'} ${step.name.padEnd(10)} ${took}`);
  if (problem !== null) {
    failed++;
    console.log(`${problem.trimEnd()}\n${step.hint ? `\nTo repair: ${step.hint}\n` : ''}`);
  }
}
const pending = pendingIn(readRequirements(root));
if (pending.length > 0) console.log(`     ${pending.length} requirements of docs/asvs.csv are pending: ${pending.join(', ')}`);
process.exitCode = failed === 0 ? 0 : 1;

function command(program: string, args: string[]): string | null {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: root, encoding: 'utf8' });
  return status === 0 ? null : `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`;
}

function report(violations: string[]): string | null {
  return violations.length === 0 ? null : violations.join('\n');
}
