// Chooses files to parse where one word is too little: parsing is what takes the time.
import type { Project } from './project.ts';
import type { Source } from './source.ts';

/** Production sources whose text has one word of every list. */
export function sourcesWithAll(project: Project, ...lists: string[][]): Source[] {
  return project.production.flatMap((path) => {
    const text = project.files.read(path);
    const fits = text !== null && lists.every((words) => words.some((word) => text.includes(word)));
    return fits ? (project.source(path) ?? []) : [];
  });
}
