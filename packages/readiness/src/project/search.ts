// Chooses files to parse where one word is too little: parsing is what takes the time.
import type { Project } from './project.ts';
import type { Source } from './source.ts';

/** Production sources whose text has one word of every list. */
export function sourcesWithAll(project: Project, ...lists: string[][]): Source[] {
  const fitting = lists.map((words) => words.map(project.pathsWith));
  return project.production.flatMap((path) =>
    fitting.every((some) => some.some((paths) => paths.has(path))) ? (project.source(path) ?? []) : [],
  );
}
