// `readiness fix`
import { audit } from '../audit.ts';
import type { Check } from '../check.ts';
import { applyPatches } from '../fix/apply.ts';
import { printDiff } from '../fix/diff.ts';
import type { Patch } from '../fix/patch.ts';
import { diskFiles, withChanges, type Files } from '../project/files.ts';
import { openProject } from '../project/project.ts';
import { count } from '../report/report.ts';
import { maskSecrets } from '../project/source.ts';
import { EXIT, type Terminal } from './terminal.ts';

export type FixOptions = { folder: string; isApplied: boolean; only: string[] | null };

/** Shows the changes of all fixes together as one diff a file, and makes them when asked to. */
export async function fixCommand({ folder, isApplied, only }: FixOptions, checks: Check[], terminal: Terminal): Promise<number> {
  const before = diskFiles(folder);
  const wanted = checks.filter(({ id }) => only === null || only.includes(id));
  const { patches, hopeless } = await patchesOf(before, wanted);
  for (const patch of patches) terminal.out(`${patch.why}\n${printDiff(patch)}\n`);
  for (const id of hopeless) terminal.error(`${id}: no change can be made with certainty; see the audit for what to do\n`);
  if (patches.length === 0) {
    terminal.error('nothing to change\n');
    return EXIT.fine;
  }
  if (!isApplied) {
    terminal.error(`${count(patches.length, 'file', 'files')} would change; --apply makes the changes\n`);
    return EXIT.fine;
  }
  const refused = applyPatches(folder, patches);
  for (const { file, reason } of refused) terminal.error(`${file}: ${reason}\n`);
  terminal.error(refused.length > 0 ? 'nothing was written\n' : `${count(patches.length, 'file', 'files')} changed\n`);
  return refused.length > 0 ? EXIT.broken : EXIT.fine;
}

/**
 * One patch for each file, of all fixes after one another: each fix sees what those before it changed.
 * `changed` are the checks whose fix had something to change; `hopeless` are open, have a fix, and could not be changed with certainty.
 */
export async function patchesOf(files: Files, checks: Check[]): Promise<{ patches: Patch[]; changed: string[]; hopeless: string[] }> {
  const byFile = new Map<string, Patch>();
  const changed: string[] = [];
  const hopeless: string[] = [];
  let current = files;
  for (const check of checks) {
    if (!check.fix) continue;
    const project = openProject(current);
    const [result] = await audit(project, [check]);
    if (result?.judgement.verdict !== 'fail' && result?.judgement.verdict !== 'warn') continue;
    const patches = check.fix(project);
    (patches.length === 0 ? hopeless : changed).push(check.id);
    for (const patch of patches) {
      const earlier = byFile.get(patch.file);
      const why = maskSecrets([...(earlier ? [earlier.why] : []), `${check.id}: ${patch.why}`].join('\n'));
      byFile.set(patch.file, { file: patch.file, before: earlier ? earlier.before : patch.before, after: patch.after, why });
    }
    current = withChanges(current, Object.fromEntries(patches.map(({ file, after }) => [file, after])));
  }
  return { patches: [...byFile.values()].filter(({ before, after }) => before !== after), changed, hopeless };
}
