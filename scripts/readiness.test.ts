// The audit of this platform from its files, and whether it would notice if a row were broken.
import { describe, expect, test } from 'vitest';
import { audit } from '../packages/readiness/src/audit.ts';
import { CHECKS } from '../packages/readiness/src/checks/all.ts';
import { diskFiles, withChanges, type Files } from '../packages/readiness/src/project/files.ts';
import { openProject } from '../packages/readiness/src/project/project.ts';
import { ROOT } from './local.ts';
import { MUTATIONS, type Mutation } from './readiness-mutations.ts';

const files = diskFiles(ROOT);

describe('this platform', () => {
  test('passes every row that its files can show', async () => {
    const results = await audit(openProject(files), CHECKS);
    const wrong = results.filter(({ judgement: { verdict } }) => verdict === 'fail' || verdict === 'warn');
    expect(wrong.map(({ check, judgement }) => [check.id, judgement.findings])).toEqual([]);
  });

  test('is broken in every row that there is', () => {
    expect(Object.keys(MUTATIONS).toSorted()).toEqual(CHECKS.map(({ id }) => id).toSorted());
  });

  test.each(CHECKS)('$id is noticed when it is broken', async (check) => {
    const project = openProject(broken(MUTATIONS[check.id] ?? []));
    const [result] = await audit(project, [check]);
    expect(result?.judgement).toMatchObject({ verdict: expect.stringMatching(/^(fail|warn)$/) });
  });
});

/** The platform with the changes. Throws when there is nothing to change: then the mutation is out of date. */
function broken(mutations: Mutation[]): Files {
  const changes: Record<string, string | null> = {};
  for (const mutation of mutations) {
    if ('gone' in mutation) {
      const gone = files.paths.filter((path) => mutation.gone.test(path));
      if (gone.length === 0) throw new Error(`no file is called ${mutation.gone.source}`);
      for (const path of gone) changes[path] = null;
    } else if ('text' in mutation) changes[mutation.file] = mutation.text;
    else {
      const text = changes[mutation.file] ?? files.read(mutation.file) ?? '';
      if (!text.includes(mutation.from)) throw new Error(`${mutation.file} has no "${mutation.from}"`);
      changes[mutation.file] = text.replaceAll(mutation.from, mutation.to);
    }
  }
  return withChanges(files, changes);
}
