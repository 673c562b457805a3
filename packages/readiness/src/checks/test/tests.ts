// The test files of a project, as syntax trees.
import type { Project } from '../../project/project.ts';
import type { Source } from '../../project/source.ts';
import { isCode } from '../../project/kinds.ts';

/** Test files whose text has one of the words. */
export function testsWith(project: Project, ...words: string[]): Source[] {
  return project.files.paths
    .filter((path) => isCode(path) && project.kindOf(path) === 'test')
    .flatMap((path) => {
      const text = project.files.read(path);
      return text !== null && words.some((word) => text.includes(word)) ? (project.source(path) ?? []) : [];
    });
}
