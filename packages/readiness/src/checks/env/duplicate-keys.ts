import { finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import type { EnvEntry } from '../../project/env.ts';

export const duplicateKeys: Check = {
  id: 'env.duplicate-keys',
  title: 'No key is set twice',
  category: 'Environment',
  severity: 'high',
  why: 'Of two lines with one key the last wins, silently. Whoever changes the other one changes nothing, and nobody knows which database is in use.',
  link: 'https://github.com/motdotla/dotenv#faq',
  looksFor: 'keys that stand twice in one environment file or one deployment; which one wins; commented lines do not count',
  remedy: 'Keep one line. Settings of different environments belong into different files.',
  example: {
    language: 'env',
    before: 'DATABASE_URL=postgresql://USER@PRODUCTION/APP\nDATABASE_URL=postgresql://USER@localhost/APP',
    after: 'DATABASE_URL=postgresql://USER@localhost/APP',
  },
  effort: '5 minutes',
  static: ({ envFiles, deployments: { deployments } }) => {
    const deployed = deployments.filter(({ env }) => env.length > 0);
    if (envFiles.length === 0 && deployed.length === 0) return notApplicable('there is no environment file');
    const findings = envFiles.flatMap(({ entries }) => doubled(entries.filter(({ isComment }) => !isComment)));
    for (const { name, env } of deployed) {
      const entries = env.map(({ name: key, value, secret, place }) => ({ key, value: value ?? `secret ${secret?.name}`, place }));
      for (const one of doubled(entries)) findings.push({ ...one, message: `${one.message}, in ${name}` });
    }
    const places = [...envFiles.map(({ path }) => path), ...new Set(deployed.map(({ name, place }) => `${name} (${place.file})`))];
    return judged(findings, [`each key once in ${places.join(', ')}`]);
  },
};

function doubled(entries: Pick<EnvEntry, 'key' | 'value' | 'place'>[]): Finding[] {
  return [...Map.groupBy(entries, ({ key }) => key)].flatMap(([key, all]) => {
    const last = all.at(-1);
    if (!last || all.length === 1) return [];
    const before = all.slice(0, -1).map(({ place }) => place.line);
    const isSame = all.every(({ value }) => value === last.value);
    const lines = `line${before.length > 1 ? 's' : ''} ${before.join(' and ')}`;
    const message = isSame
      ? `${key} is set again to what ${lines} said`
      : `${key} is set again: this line wins, and ${lines} is never used`;
    return [finding(isSame ? 'warn' : 'fail', message, last.place)];
  });
}
