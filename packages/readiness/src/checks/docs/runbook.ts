import { finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { placeText } from '../cloud/services.ts';
import { pagesAbout, type Section } from './pages.ts';

const TOPICS: [name: string, heading: RegExp][] = [
  [
    'rotate credentials',
    /rotat\w*.*(credential|password|secret|token)|(credential|password|secret)s?.*rotat|(change|replace|leaked).*(password|credential|secret)/i,
  ],
  ['rotate the encryption key', /(rotat|replac|chang|retir|new)\w*.*\bkeys?\b|\bkeys?\b.*(rotat|replac|leak)/i],
  ['restore', /restor|recover(y|ing)? (from|of|the)|disaster/i],
  ['failover', /fail-?over|zone|database (is )?(down|away|gone|unreachable)|outage|replica/i],
  ['exhausted pool', /(pool|connection)s?.*(exhaust|full|wait|empty|run out|too many|limit)|(exhaust|too many|out of).*(pool|connection)/i],
  ['stuck migration', /migration.*(stuck|fail|hang|lock|block|half|resolve|roll)|(stuck|failed|hanging|blocked).*migration/i],
  ['incident', /incident|on-?call|escalat|breach|severity|post-?mortem/i],
];
const SUBJECT =
  /run-?books?|play-?books?|operat(ions|ing)|(^|\/)ops\/|on-?call|incident|disaster|recovery|restor|rotat|fail-?over|backup|troubleshoot/i;

export const runbook: Check = {
  id: 'docs.runbook',
  title: 'Runbooks for what goes wrong',
  category: 'Best practices',
  severity: 'medium',
  why: 'At night nobody works out how to restore a database. What is written down, and tried, takes minutes.',
  link: 'https://sre.google/workbook/incident-response/',
  looksFor: `runbooks with steps for: ${TOPICS.map(([name]) => name).join(', ')}; and that the npm scripts which they call exist`,
  remedy: 'Write one page a topic: how it shows, what to do, command by command, and how one sees that it is over. Try each once.',
  effort: '1 day',
  static: (project) => {
    if (project.services.length === 0) return notApplicable('no service that uses Prisma or pg was found');
    const sections = pagesAbout(project, SUBJECT).flatMap(({ path, sections: all, title }) =>
      all
        .filter(({ hasSteps }) => hasSteps)
        .map((section) => ({ ...section, about: `${path.slice(path.lastIndexOf('/') + 1)} ${title} ${section.heading}` })),
    );
    const found = TOPICS.map(([name, heading]) => ({
      name,
      // A heading of its own first; the name of the page where that is all it is about.
      section:
        sections.find((one) => heading.test(one.heading)) ?? sections.find((one) => heading.test(one.about.replaceAll(/[-_]/g, ' '))),
    }));
    const lacking = found.filter(({ section }) => !section).map(({ name }) => name);
    const missing =
      lacking.length > 0
        ? [finding('warn', lacking.length === TOPICS.length ? 'there is no runbook' : `no runbook for: ${lacking.join(', ')}`)]
        : [];
    const broken = distinct(found.flatMap(({ section }) => (section ? deadCommands(project, section) : [])));
    const evidence = found.flatMap(({ name, section }) => (section ? [`${name}: ${placeText(section.place)}`] : []));
    return judged([...missing, ...broken], evidence);
  },
};

/** `npm run x` where there is no such script. */
function deadCommands(project: Project, { text, place }: Section): Finding[] {
  const known = new Set(project.packages.flatMap(({ scripts }) => Object.keys(scripts)));
  return [...text.matchAll(/\b(?:npm|pnpm|yarn) run (?:--?[\w-]+ )*([\w:.-]+)/g)].flatMap(([, name = '']) =>
    known.has(name) ? [] : finding('warn', `the runbook calls \`npm run ${name}\`, and there is no such script`, place),
  );
}

function distinct(findings: Finding[]): Finding[] {
  return [...new Map(findings.map((one) => [one.message, one])).values()];
}
