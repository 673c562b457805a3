// What the command line says, and what it is answered.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SEVERITIES, type Check, type Severity } from './check.ts';
import { CHECKS } from './checks/all.ts';
import { auditCommand } from './commands/audit.ts';
import { fixCommand } from './commands/fix.ts';
import { isFormat, outputsOf } from './commands/output.ts';
import { maskSecrets } from './project/source.ts';
import { TOOL } from './report/report.ts';
import { EXIT, type Terminal, UsageError } from './commands/terminal.ts';

const HELP = `readiness - audits the production readiness of a Prisma + PostgreSQL backend

  readiness audit [DIR]        reads the project in DIR (this folder without it) and reports
    --database-url URL         also asks the database, signed in as the service is
    --base-url URL             also asks the running service
    --metrics-url URL          where the service shows its metrics, when not below the base URL
    --drill                    also starts, loads and signals the service; only on this machine
    --format md|json|sarif|html   md without it
    --out FILE                 where to write, standard output without it; several are several reports,
                               each in the format of its name (.md, .json, .sarif, .html) or of its --format
    --fail-on SEVERITY         critical, high (without it), medium or low: what makes the exit code 1

  readiness fix [DIR]          shows the changes that the tool can make
    --apply                    makes them
    --only ID                  only for this check; may be repeated

  readiness checks             lists the checks
  readiness --help, --version

Exit codes: 0 nothing open at or above --fail-on, 1 something is, 2 wrong usage, 3 the tool failed.
Findings that a team lives with stand in readiness.json, with a reason and a date.
`;

/** Runs one command; the number is the exit code. Nothing that is printed holds a secret. */
export async function run(args: string[], terminal: Terminal, checks: Check[] = CHECKS): Promise<number> {
  try {
    return await dispatch(args, terminal, checks);
  } catch (error) {
    const isUsage = error instanceof UsageError;
    const message = error instanceof Error ? error.message : String(error);
    terminal.error(`readiness: ${maskSecrets(message)}\n${isUsage ? 'See readiness --help.\n' : ''}`);
    return isUsage ? EXIT.usage : EXIT.broken;
  }
}

async function dispatch(args: string[], terminal: Terminal, checks: Check[]): Promise<number> {
  const { values, positionals } = parsed(args);
  if (values.version) return said(terminal, `${TOOL.version}\n`);
  const [command, given = '.', ...rest] = positionals;
  if (values.help || command === 'help') return said(terminal, HELP);
  if (command === undefined) throw new UsageError('say what to do: audit, fix or checks');
  if (rest.length > 0) throw new UsageError(`one folder at a time, not also ${rest.join(' ')}`);
  if (command === 'checks') {
    refuseOthers(values, []);
    return said(terminal, listed(checks));
  }
  if (command === 'fix') {
    refuseOthers(values, ['apply', 'only']);
    return fixCommand({ folder: folderOf(given), isApplied: values.apply ?? false, only: known(values.only, checks) }, checks, terminal);
  }
  if (command !== 'audit') throw new UsageError(`there is no command "${command}"`);
  refuseOthers(values, ['database-url', 'base-url', 'metrics-url', 'drill', 'format', 'out', 'fail-on']);
  return auditCommand(
    {
      folder: folderOf(given),
      databaseUrl: url(values['database-url'], '--database-url', /^postgres(ql)?:$/),
      baseUrl: url(values['base-url'], '--base-url', /^https?:$/),
      metricsUrl: url(values['metrics-url'], '--metrics-url', /^https?:$/),
      isDrill: values.drill ?? false,
      outputs: outputsOf(values.out ?? [], (values.format ?? []).map(format)),
      failOn: severity(values['fail-on'] ?? 'high'),
    },
    checks,
    terminal,
  );
}

type Values = ReturnType<typeof parsed>['values'];

function parsed(args: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const many = { type: 'string', multiple: true } as const;
  const options = {
    'database-url': text,
    'base-url': text,
    'metrics-url': text,
    drill: flag,
    format: many,
    out: many,
    'fail-on': text,
    apply: flag,
    only: many,
    help: { ...flag, short: 'h' },
    version: { ...flag, short: 'v' },
  } as const;
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'these arguments make no sense');
  }
}

function refuseOthers(values: Values, allowed: string[]): void {
  const other = Object.keys(values).find((name) => !allowed.includes(name));
  if (other) throw new UsageError(`--${other} is not for this command`);
}

function folderOf(given: string): string {
  const folder = resolve(given);
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (!stat) throw new UsageError(`there is no folder ${given}`);
  if (!stat.isDirectory()) throw new UsageError(`${given} is not a folder`);
  return folder;
}

function url(text: string | undefined, option: string, protocol: RegExp): string | undefined {
  if (text === undefined) return undefined;
  // The text itself is not repeated: it may hold a password.
  if (!URL.canParse(text) && !/^postgres(ql)?:\/\/[^/]*@\//.test(text)) throw new UsageError(`${option} is not a URL`);
  if (!protocol.test(`${text.split(':')[0]}:`)) throw new UsageError(`${option} has another protocol than it should`);
  return text;
}

function format(text: string) {
  if (!isFormat(text)) throw new UsageError(`there is no format "${text}"; there are md, json, sarif and html`);
  return text;
}

function severity(text: string): Severity {
  const found = SEVERITIES.find((one) => one === text);
  if (!found) throw new UsageError(`--fail-on is one of ${SEVERITIES.join(', ')}`);
  return found;
}

function known(ids: string[] | undefined, checks: Check[]): string[] | null {
  const stranger = ids?.find((id) => !checks.some((check) => check.id === id));
  if (stranger !== undefined) throw new UsageError(`there is no check "${stranger}"; see readiness checks`);
  return ids ?? null;
}

function listed(checks: Check[]): string {
  const longest = Math.max(0, ...checks.map(({ id }) => id.length));
  const lines = checks.map((check) => {
    const means = (['static', 'database', 'http', 'drill'] as const).filter((one) => check[one]).join(', ');
    return `${check.id.padEnd(longest)}  ${check.severity.padEnd(8)}  ${check.title} (${means}${check.fix ? '; fix' : ''})`;
  });
  return `${lines.join('\n')}\n`;
}

function said(terminal: Terminal, text: string): number {
  terminal.out(text);
  return EXIT.fine;
}
