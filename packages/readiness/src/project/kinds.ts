// What a file is for, told by where it lies. Only production code, schema and configuration are judged.

export type Kind = 'production' | 'test' | 'script' | 'example' | 'generated' | 'document' | 'other';

const CODE = /\.[cm]?[jt]sx?$/;
const KINDS: [kind: Kind, path: RegExp][] = [
  [
    'generated',
    /(^|\/)(dist|build|out|generated|__generated__|vendor|public|static|\.prisma|\.output|\.vercel|storybook-static)\/|\.d\.[cm]?ts$|\.min\.js$/,
  ],
  [
    'test',
    /(^|\/)(tests?|__tests__|__mocks__|__fixtures__|fixtures?|specs?|e2e|cypress|playwright|testing|test-utils|mocks|planted)\/|[.-](test|spec|e2e|bench|soak|stories|fixture)s?\.[cm]?[jt]sx?$|(^|\/)(vitest|jest|playwright)\.[\w.]+$/,
  ],
  ['example', /(^|\/)(examples?|demos?|samples?|playgrounds?|sandbox|templates?|starters?|archive|archived|legacy-unused|deprecated)\//],
  [
    'script',
    /(^|\/)(scripts?|tools?|tooling|bin|bench(es|marks?)?|soak|loadtests?|seeds?|seeders?|hack|ci)\/|(^|\/)seed(s|er)?([.-][\w-]+)?\.[cm]?[jt]s$|\.config\.[cm]?[jt]s$|(^|\/)\.[\w-]+rc\.[cm]?js$/,
  ],
  ['document', /\.(md|mdx|rst|adoc|txt)$|(^|\/)docs?\//],
];

/** What the file is for. `text` is asked only of code, for the mark of a generator. */
export function kindOf(path: string, text: () => string | null): Kind {
  const named = KINDS.find(([, pattern]) => pattern.test(path));
  if (named) return named[0];
  if (!CODE.test(path)) return 'other';
  return /@generated|auto-?generated|do not edit/i.test((text() ?? '').slice(0, 400)) ? 'generated' : 'production';
}

export function isCode(path: string): boolean {
  return CODE.test(path);
}
