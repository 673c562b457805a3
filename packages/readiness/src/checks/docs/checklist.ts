import { finding, judged, notApplicable, type Check } from '../../check.ts';
import { placeText } from '../cloud/services.ts';
import type { Project } from '../../project/project.ts';

/** The steps before a deployment, each with the words by which it is recognized. */
const STEPS: [step: string, words: RegExp][] = [
  ['rotate the database password', /rotat.*(password|credential)|(password|credential).*rotat/i],
  [
    'store credentials in a secret store',
    /(credential|secret|password).*(secret manager|secret store|vault|stored)|(secret manager|vault)/i,
  ],
  [
    'remove credentials from env files',
    /(remove|no|none|delete).*(credential|secret|password).*(\.env|file|repositor|git|tree|history)|secret scan/i,
  ],
  ['ignore env files in git', /\.gitignore|(ignore|not in git|untracked).*\.env|\.env.*ignored/i],
  ['bound the connection pool', /(pool|connection).*(param|limit|size|bound|budget|max)|connection_limit/i],
  ['one client only', /(duplicate|second|one|single).*(prisma ?client|client|pool)/i],
  ['readiness asks the database', /(health|readiness|ready).*(database|check|ask)|checkDatabaseHealth/i],
  ['one shutdown handler', /shut ?down handler|handlers?.*(sigterm|shut)|one.*shut ?down|sigterm.*handler/i],
  [
    'deployment with secrets and database instance',
    /(cloudbuild|pipeline|service|deploy\w*).*(secret|cloud ?sql|instance|socket)|cloudsql/i,
  ],
  ['one instance stays warm', /min(imum)?[- _]?(of )?(instances?|scale)|warm/i],
  ['request timeout of 60 s', /time-?out.*60|60 ?s.*time-?out|request time-?out/i],
  ['concurrency', /concurrency/i],
  ['test the health endpoints', /(test|try|ask|curl|call|answer).*health|health.*(test|answer|endpoint|200)/i],
  ['test the shutdown', /(test|try|drill).*(shut ?down|sigterm)|(shut ?down|sigterm).*(test|drill|lost|lose)/i],
  ['load test the pool', /load.*(test|pool)|(pool|connection).*(load|parallel|concurrent)/i],
  ['query insights', /insights|pg_stat_statements/i],
  ['alerts for connection errors', /alert/i],
  [
    'write down how secrets are managed',
    /(document|written|write|\bpage|runbook|process).*(secret|rotat|key)|(secret|key)s?.*(document|\bpage|process|management|are managed)/i,
  ],
  ['runbook for common issues', /run-?book/i],
];

const FEWEST = 4;

export const checklist: Check = {
  id: 'docs.checklist',
  title: 'A checklist for the deployment',
  category: 'Best practices',
  severity: 'medium',
  why: 'What must be true before a release is forgotten one item at a time. A list with the command that proves each item is done the same way by everybody.',
  link: 'https://sre.google/sre-book/launch-checklist/',
  looksFor: `a file CHECKLIST*.md with the ${STEPS.length} steps before a deployment, each with the command that proves it`,
  remedy: `Write deploy/CHECKLIST.md with an item, and a command, for: ${STEPS.map(([step]) => step).join(', ')}.`,
  example: {
    language: 'md',
    before: '',
    after: '- [ ] Request timeout is 60 s: `gcloud run services describe api --format "value(spec.template.spec.timeoutSeconds)"`',
  },
  effort: '2 hours',
  static: (project) => {
    if (project.services.length === 0) return notApplicable('no service that uses Prisma or pg was found');
    const files = project.files.paths.filter(
      (path) =>
        /(^|\/)[\w.-]*check-?list[\w.-]*\.md$/i.test(path) && !/(^|\/)(tests?|fixtures?|planted|vendor)\/|\.fixture\.md$/.test(path),
    );
    const candidates = files
      .map((path) => ({ path, items: itemsOf(project, path) }))
      .toSorted((a, b) => covered(b.items) - covered(a.items));
    const [best] = candidates;
    // Lists for something else, such as reviews, share a few words.
    if (!best || covered(best.items) < FEWEST) return judged([finding('warn', 'there is no checklist for the deployment')]);
    const top = { file: best.path, line: 1 };
    const lacking = STEPS.filter(([, words]) => best.items.every(({ text }) => !words.test(text))).map(([step]) => step);
    const bare = best.items.filter(({ text }) => STEPS.some(([, words]) => words.test(text)) && !/`[^`]+`|```/.test(text));
    const [first] = bare;
    return judged(
      [
        ...(lacking.length > 0
          ? [finding('warn', `the checklist lacks ${lacking.length} of ${STEPS.length} steps: ${lacking.join(', ')}`, top)]
          : []),
        ...(first ? [finding('warn', `${bare.length} steps have no command that proves them`, { file: best.path, line: first.line })] : []),
      ],
      [`${STEPS.length - lacking.length} of ${STEPS.length} steps in ${placeText(top)}`],
    );
  },
};

type Item = { text: string; line: number };

/** Items of lists and rows of tables with what follows them, and headings with a number. */
function itemsOf(project: Project, path: string): Item[] {
  const items: Item[] = [];
  for (const [index, line] of (project.files.read(path) ?? '').split('\n').entries()) {
    if (/^(\s{0,3}([-*]|\d+[.)])\s|\||#{2,4}\s)/.test(line)) items.push({ text: line, line: index + 1 });
    else {
      const last = items.at(-1);
      if (last) last.text += ` ${line}`;
    }
  }
  return items;
}

function covered(items: Item[]): number {
  return STEPS.filter(([, words]) => items.some(({ text }) => words.test(text))).length;
}
