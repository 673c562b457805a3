// Pages of the project as sections under their headings.
import type { Place } from '../../check.ts';
import type { Project } from '../../project/project.ts';

export type Section = {
  heading: string;
  place: Place;
  /** Of this section without those below it. */
  text: string;
  hasSteps: boolean;
};

export type Page = { path: string; title: string; sections: Section[] };

const PAGE = /\.(md|mdx|adoc|rst|markdown)$/i;

/** Pages whose path, or title, matches; reports about the project are not its own words. */
export function pagesAbout(project: Project, subject: RegExp): Page[] {
  return project.files.paths
    .filter(
      (path) =>
        PAGE.test(path) &&
        !/(^|\/)(tests?|fixtures?|planted|vendor|CHANGELOG)|\b(audit|report)/i.test(path) &&
        !path.endsWith('.fixture.md'),
    )
    .flatMap((path) => {
      const text = project.files.read(path);
      if (text === null) return [];
      const page = readPage(path, text);
      return subject.test(path) || subject.test(page.title) ? [page] : [];
    });
}

function readPage(path: string, text: string): Page {
  const sections: Section[] = [];
  let isFenced = false;
  let lines: string[] = [];
  let open: Section = { heading: '', place: { file: path, line: 1 }, text: '', hasSteps: false };
  const close = () => {
    const whole = lines.join('\n');
    sections.push({ ...open, text: whole, hasSteps: /^\s*(```|~~~|\d+[.)]\s|[-*] (\[[ x]\])?)|`[^`\n]+ [^`\n]+`/m.test(whole) });
    lines = [];
  };
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(```|~~~)/.test(line)) isFenced = !isFenced;
    const heading = isFenced ? undefined : /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) lines.push(line);
    else {
      close();
      open = { heading, place: { file: path, line: index + 1 }, text: '', hasSteps: false };
    }
  }
  close();
  return { path, title: sections.find(({ heading }) => heading)?.heading ?? '', sections };
}
