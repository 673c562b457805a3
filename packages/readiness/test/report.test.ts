import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Check } from '../src/check.ts';
import { riskOf } from '../src/report/advice.ts';
import { htmlReport } from '../src/report/html.ts';
import { jsonReport } from '../src/report/json.ts';
import { markdownReport } from '../src/report/markdown.ts';
import type { Report } from '../src/report/report.ts';
import { sarifReport } from '../src/report/sarif.ts';
import { expectSarif } from './sarif-rules.ts';
import { check, planted, reported, result, sample } from './results.ts';

const FORMATS: [string, (report: Report) => string][] = [
  ['Markdown', markdownReport],
  ['JSON', jsonReport],
  ['SARIF', sarifReport],
  ['HTML', htmlReport],
];

describe('status', () => {
  const passes = (number: number) => Array.from({ length: number }, (_, index) => result(check(`a.${index}`, 'Health', 'medium'), 'pass'));
  const status = (...results: Parameters<typeof reported>[0]) => reported(results).status;

  test('ready is 90 and nothing critical or high open', () => {
    expect(status(...passes(9), result(check('b.b', 'Health', 'medium'), 'fail'))).toBe('ready');
    expect(status(...passes(8), result(check('b.b', 'Health', 'medium'), 'fail'))).toBe('needs improvement');
    expect(status(...passes(50), result(check('b.b', 'Health', 'high'), 'warn'))).toBe('needs improvement');
    expect(status(...passes(6), ...passes(4).map(({ check: one }) => result(one, 'fail')))).toBe('needs improvement');
    expect(status(...passes(5), ...passes(4).map(({ check: one }) => result(one, 'fail')))).toBe('not ready');
  });

  test('what could not be checked is no pass', () => {
    expect(status(result(check('a.a', 'Health', 'low'), 'could not check'))).toBe('nothing checked');
    expect(status()).toBe('nothing checked');
    const blind = reported([...passes(3), result(check('b.b', 'Security', 'critical'), 'could not check')]);
    expect(blind.status).toBe('ready');
    expect(blind.statusReason).toContain('1 critical or high row was not checked, and 40.0 points are proven');
  });
});

describe('what a report promises', () => {
  const risk = (...results: Parameters<typeof reported>[0]) => riskOf(reported(results));
  const critical = check('a.a', 'Security', 'critical');
  const high = check('b.b', 'Security', 'high');

  test('the risk is that of the worst row, and a warning is a level less', () => {
    expect(risk(result(critical, 'fail'), result(high, 'fail'))).toMatchObject({ level: 'critical', reasons: [{ id: 'a.a' }] });
    expect(risk(result(critical, 'warn'), result(high, 'fail'))).toMatchObject({ level: 'high', reasons: [{ id: 'a.a' }, { id: 'b.b' }] });
    expect(risk(result(check('c.c', 'Health', 'low'), 'warn')).level).toBe('low');
    expect(risk(result(critical, 'pass')).level).toBe('low');
  });

  test('only a fix that has something to change is offered', () => {
    const offered = (fix: Check['fix']) => reported([result({ ...critical, ...(fix ? { fix } : {}) }, 'fail')]).rows[0]?.isFixable;
    expect(offered(() => [{ file: 'a.ts', before: 'a', after: 'b', why: 'better' }])).toBe(true);
    expect(offered(() => [])).toBe(false);
    expect(offered(undefined)).toBe(false);
  });
});

describe('the Markdown report', () => {
  const page = markdownReport(reported(sample()));

  test('has every part of an audit', () => {
    const parts = [
      'Executive summary',
      'Strengths',
      '1. Connection pool',
      'Summary checklist',
      'Score',
      'Priorities',
      'Tests to add',
      'Deployment checklist',
      'Risk if deployed as it is: CRITICAL',
      'Recommended path',
      'What was not checked',
    ];
    expect([...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title).filter((title) => !/^[2-9]\./.test(title ?? ''))).toEqual(parts);
    for (const text of ['| Date | 2026-11-22 |', '| Commit | abc1234 |', '5.22.0', '**Next review:**', 'BEFORE:', 'AFTER:', 'src/a.ts:3'])
      expect(page).toContain(text);
  });

  test('no heading contradicts the verdict below it', () => {
    for (const { id, verdict } of reported(sample()).rows) {
      const marks = { fail: 'FAIL', warn: 'WARNING', pass: 'PASS', 'could not check': 'NOT CHECKED', 'not applicable': 'NOT APPLICABLE' };
      const said = [...page.matchAll(new RegExp(`^(?:### |- )([A-Z ()a-z]+?): Title of ${id}(?: \\(|$)`, 'gm'))].map(([, mark]) => mark);
      expect(said, id).toEqual([marks[verdict], marks[verdict]]);
    }
  });

  test('a row has the same severity wherever it is named', () => {
    const critical = page.slice(page.indexOf('### Critical:'), page.indexOf('### High:'));
    expect(critical).toContain('(pool.limit)');
    expect(page).toContain('`pool.limit`, severity critical');
  });

  test('its arithmetic can be added up', () => {
    const [table = ''] = page.slice(page.indexOf('### What was checked')).split('\n\nHow');
    const [first = ''] = table.split('### Proven');
    const points = [...first.matchAll(/\| ([\d.]+) \|$/gm)].map(([, number]) => Math.round(Number(number) * 10));
    const total = /\*\*Total\*\*.*\*\*([\d.]+)\*\* \|$/m.exec(first)?.[1];
    expect(points.reduce((sum, one) => sum + one, 0)).toBe(Math.round(Number(total) * 10));
    expect(page).toContain(`### What was checked: ${total} / 100`);
  });

  test('texts of a project cannot become headings, fences or HTML', () => {
    const nasty = result(check('a.a', 'Health', 'low'), 'fail', {
      findings: [
        { grade: 'fail', message: '\n## Score: 100 <img src=x>', place: { file: 'a`b.ts', line: 1 }, excerpt: '```\n## out\n````' },
      ],
    });
    const text = markdownReport(reported([nasty]));
    expect(text).not.toMatch(/^## Score: 100/m);
    expect(text).not.toContain('<img');
    expect(text).toContain('`````ts');
  });

  test('the deployment steps say what is known of them', () => {
    expect([...page.matchAll(/^- \[[ x]\] /gm)]).toHaveLength(19);
    expect(page).toContain('- [ ] Set the limits of the connection pool - open (pool.limit)');
    expect(page).toContain('- [x] Leave one client and one pool in each process - done (pool.singleton)');
    expect(page).toContain('- [ ] Bound the time of a request - not applicable (there is no such thing)');
    expect(page).toContain('- [ ] Alert on database connection errors - unknown (nothing looked at it (docs.alerts))');
  });

  test('a step that takes a drill is not done by reading files', () => {
    const text = markdownReport(reported([result(check('pool.shutdown', 'Connection pool', 'high'), 'pass')]));
    expect(text).toContain('- [ ] Test the shutdown under load - unknown');
    expect(text).toContain('- [x] Leave one shutdown handler that drains - done');
  });
});

describe('the HTML report', () => {
  const page = htmlReport(reported(sample()));

  test('texts of a project cannot become HTML', () => {
    const attack = '"><img src=x onerror=alert(1)><script>alert(1)</script>';
    const nasty = check('a.a', 'Health', 'low', {
      title: attack,
      why: attack,
      remedy: attack,
      looksFor: attack,
      example: { language: 'ts', before: attack, after: attack },
    });
    const finding = { grade: 'fail' as const, message: attack, place: { file: attack, line: 1 }, excerpt: attack };
    const results = [
      result(nasty, 'fail', { findings: [finding], evidence: [attack], reason: attack }),
      result({ ...nasty, id: 'a.b' }, 'pass', { evidence: [attack] }),
      result({ ...nasty, id: 'a.c' }, 'could not check', { reason: attack }),
    ];
    const entries = [{ check: 'a.a', file: attack, reason: attack, expires: '2027-01-01' }];
    const project = planted({ 'package.json': JSON.stringify({ name: attack, dependencies: { hono: '4', '@prisma/client': '5.22.0' } }) });
    expect(htmlReport(reported(results, { entries, project, commit: attack }))).not.toMatch(/<(img|script)/);
  });

  test('needs nothing from outside and no script', () => {
    expect(page).not.toMatch(/<script|<link|<img|@import|url\(|\son\w+=/i);
    expect([...page.matchAll(/href="([^"]+)"/g)].every(([, href]) => href?.startsWith('#') || href === 'https://example.com/read-on')).toBe(
      true,
    );
  });

  test('can be heard: one h1, no level left out, captions, a named picture', () => {
    const levels = [...page.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    for (const [index, level] of levels.entries()) expect(level).toBeLessThanOrEqual((levels[index - 1] ?? 0) + 1);
    expect(page.match(/<table>/g)).toHaveLength(page.match(/<caption>/g)?.length ?? 0);
    expect(page).toContain('role="img" aria-label="Score by category: Connection pool');
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
  });

  test('its colours of text keep a contrast of 4.5 to 1', () => {
    for (const theme of page.matchAll(/:root \{([^}]+)\}/g)) {
      const colours = Object.fromEntries(
        [...(theme[1] ?? '').matchAll(/--(\w+): (#\w+)/g)].map(([, name = '', value = '']) => [name, value]),
      );
      for (const text of ['ink', 'quiet', 'link', 'good', 'fair', 'poor'])
        for (const ground of ['ground', 'panel'])
          expect(contrast(colours[text], colours[ground]), `${text} on ${ground}`).toBeGreaterThan(4.5);
    }
  });
});

describe('the SARIF report', () => {
  test('keeps the rules of the format', () => {
    expectSarif(JSON.parse(sarifReport(reported(sample()))));
    expectSarif(JSON.parse(sarifReport(reported([]))));
  });

  test('has a result for each finding, with its line, and says what was accepted', () => {
    const entries = [{ check: 'env.files', reason: 'next quarter', expires: '2027-01-01' }];
    const { runs } = JSON.parse(sarifReport(reported(sample(), { entries })));
    expect(runs[0].results.map((one: { ruleId: string }) => one.ruleId)).toEqual([
      'pool.limit',
      'pool.shutdown',
      'env.files',
      'health.readiness',
    ]);
    expect(runs[0].results[0]).toMatchObject({
      level: 'error',
      locations: [{ physicalLocation: { artifactLocation: { uri: 'src/a.ts' }, region: { startLine: 3 } } }],
      suppressions: [],
    });
    expect(runs[0].results[2].suppressions).toEqual([
      { kind: 'external', status: 'accepted', justification: 'next quarter (until 2027-01-01)' },
    ]);
  });

  test('a finding is the same one after its line has moved, and two are two', () => {
    const at = (line: number) =>
      result(check('a.a', 'Health', 'low'), 'fail', {
        findings: [1, 2].map((more) => ({
          grade: 'fail' as const,
          message: `line ${line}`,
          place: { file: 'a [b].ts', line: line + more },
        })),
      });
    const prints = (line: number) =>
      JSON.parse(sarifReport(reported([at(line)]))).runs[0].results.map((one: { partialFingerprints: object }) => one.partialFingerprints);
    expect(prints(3)).toEqual(prints(9));
    expect(prints(3)[0]).not.toEqual(prints(3)[1]);
    expect(sarifReport(reported([at(1)]))).toContain('a%20%5Bb%5D.ts');
  });
});

describe('the JSON report', () => {
  test('has the shape that the README promises', () => {
    const json = JSON.parse(jsonReport(reported(sample())));
    expect(Object.keys(json)).toEqual([
      'schema',
      'tool',
      'date',
      'project',
      'status',
      'statusReason',
      'score',
      'rows',
      'accepted',
      'checklist',
      'risk',
      'path',
      'nextReview',
      'unreadable',
    ]);
    expect(json.schema).toBe('readiness/1');
    expect(json.rows[0]).toMatchObject({
      id: 'pool.limit',
      verdict: 'fail',
      state: 'open',
      findings: [{ place: { file: 'src/a.ts', line: 3 } }],
    });
    const points = json.score.checked.categories.reduce((sum: number, one: { points: number }) => sum + Math.round(one.points * 10), 0);
    expect(points).toBe(Math.round(json.score.checked.total * 10));
  });
});

describe.each(FORMATS)('%s', (_, render) => {
  test('holds no secret, wherever a check puts one', () => {
    const secret = createHash('sha256').update('canary').digest('hex');
    const password = secret.slice(0, 12);
    const url = `postgresql://postgres:${password}@10.0.0.1:5432/clinic`;
    const leaking = check('a.a', 'Security', 'critical', {
      remedy: () => `Rotate ${secret}`,
      example: { language: 'env', before: `DATABASE_URL=${url}`, after: `ENCRYPTION_KEY=${secret}` },
    });
    const text = render(
      reported(
        [
          result(leaking, 'fail', {
            findings: [
              { grade: 'fail', message: `the key ${secret} is here`, place: { file: '.env', line: 1 }, excerpt: `PASSWORD="${password}"` },
            ],
            evidence: [`reached ${url}`],
          }),
          result(check('a.b', 'Security', 'high'), 'could not check', { reason: `cannot reach ${url}` }),
          result(check('a.c', 'Security', 'high'), 'pass', { evidence: [`signed in with ${url}`] }),
        ],
        { entries: [{ check: 'a.a', reason: `old key ${secret}`, expires: '2027-01-01' }] },
      ),
    );
    expect(text).not.toContain(secret);
    expect(text).not.toContain(password);
  });

  test('is the same for the same day, and never throws on an empty project', () => {
    expect(render(reported(sample()))).toBe(render(reported(sample())));
    expect(render(reported([], { project: planted(), commit: null }))).not.toBe('');
  });

  test('leaves paths readable that look as random as a key', () => {
    const path = 'packages/database/prisma/migrations/20261122000100_tables/migration.sql';
    const one = result(check('a.a', 'Security', 'low'), 'fail', { findings: [{ grade: 'fail', message: `see ${path}.` }] });
    expect(render(reported([one], { project: planted({ [path]: '' }) }))).toContain(path);
  });
});

function contrast(a = '#000000', b = '#000000'): number {
  const luminance = (colour: string) => {
    const full = colour.length === 4 ? colour.replaceAll(/[\da-f]/gi, '$&$&') : colour;
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(full.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}
