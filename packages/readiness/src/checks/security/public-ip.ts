import { couldNotCheck, finding, judged, type Check } from '../../check.ts';
import { databaseAddresses } from '../cloud/addresses.ts';
import { deployedServices, placeText } from '../cloud/services.ts';
import { readScript, type Word } from '../../project/readers/shell.ts';
import type { Project } from '../../project/project.ts';

export const publicIp: Check = {
  id: 'security.public-ip',
  title: 'The database has no public address',
  category: 'Security',
  severity: 'medium',
  why: 'A database that the internet can reach is tried with every leaked password, and needs an allow list that always grows.',
  link: 'https://cloud.google.com/sql/docs/postgres/configure-private-ip',
  looksFor:
    'the kind of host in the connection strings of environment and deployment files, and how instances are made (`--no-assign-ip`, `--authorized-networks`)',
  remedy: 'Give the instance a private address only, and connect by the socket of Cloud Run, the connector, or the private network.',
  example: {
    language: 'sh',
    before: 'DATABASE_URL=postgresql://app:...@203.0.113.7:5432/clinic',
    after: 'DATABASE_URL=postgresql://app:...@/clinic?host=/cloudsql/PROJECT:REGION:INSTANCE',
  },
  effort: '2 hours',
  static: (project) => {
    const addresses = databaseAddresses(project);
    const open = addresses.filter(({ kind }) => kind === 'public address');
    const findings = [
      ...open.map(({ variable, place }) => finding('warn', `${variable} goes to a public address of the database`, place)),
      ...instanceFindings(project),
    ];
    const good = addresses.filter(({ kind }) => kind === 'socket' || kind === 'private address');
    const evidence = [
      ...good.map(({ variable, kind, place }) => `${variable}: ${kind} (${placeText(place)})`),
      ...deployedServices(project).flatMap(({ deployments }) =>
        deployments.flatMap(({ name, sqlInstances }) =>
          sqlInstances ? [`${name} connects by socket to ${sqlInstances.value.join(', ')} (${placeText(sqlInstances.place)})`] : [],
        ),
      ),
      ...instanceCommands(project).flatMap(({ words, place }) =>
        words.includes('--no-assign-ip') ? [`the instance is made without a public address (${placeText(place)})`] : [],
      ),
    ];
    if (findings.length === 0 && evidence.length === 0) return couldNotCheck('no address of a production database is in the files');
    return judged(findings, evidence);
  },
};

type InstanceCommand = { verb: string; words: string[]; place: Word['place'] };

function instanceFindings(project: Project) {
  return instanceCommands(project).flatMap(({ verb, words, place }) => {
    const networks =
      words.find((_, index) => words[index - 1] === '--authorized-networks') ??
      words.find((one) => one.startsWith('--authorized-networks='));
    if (networks?.includes('0.0.0.0/0')) return finding('fail', 'the database lets the whole internet connect (0.0.0.0/0)', place);
    const isOpen = words.some((one) => /^--assign-ip(=true)?$/.test(one)) || (verb === 'create' && !words.includes('--no-assign-ip'));
    return isOpen ? finding('warn', 'the instance is made with a public address: no --no-assign-ip', place) : [];
  });
}

function instanceCommands({ deployments }: Project): InstanceCommand[] {
  return deployments.steps
    .filter(({ text }) => /\bsql\s+instances\b/.test(text))
    .flatMap(({ text, place }) => readScript(text, place.file, place.line).commands)
    .flatMap((words) => {
      const texts = words.map(({ text }) => text);
      const at = texts.findIndex((text, index) => text === 'instances' && texts[index - 1] === 'sql');
      const verb = texts[at + 1] ?? '';
      const [first] = words;
      return at > 0 && first && (verb === 'create' || verb === 'patch') ? [{ verb, words: texts, place: first.place }] : [];
    });
}
