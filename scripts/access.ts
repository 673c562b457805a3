// Writes docs/access.md, who may ask for what, from the routes and the policy table; with --check it fails when that is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cellOf, ROLES } from '@medspa/contracts';
import { openApiDocument } from '../apps/api/src/app.ts';
import { callsOf, type Call } from '../apps/api/src/platform/documentation/openapi.ts';

const FILE = join(import.meta.dirname, '../docs/access.md');

const INTRODUCTION = `# Who may ask for what

Made by \`npm run access\` from the routes and the policy table (\`packages/contracts/src/policy.ts\`), and checked to be fresh; change those
instead. That the service does what stands here is tested for every operation, also those of patients, devices and sign-in, every kind of
actor and every relation to a row (\`apps/api/test/access-matrix.test.ts\`).

Roles are given to people everywhere or at single locations.

- \`yes\`: wherever the role was given. Whoever has it at one location finds and changes what is there; rows of another location are not
  there for them, as if they did not exist.
- \`all\`: only to whom the role was given for all locations, since what it concerns is the whole organization's.
- Nothing: no. What a role does not give is forbidden.

An organization puts together roles of its own from the same permissions, and the same holds for them: a permission with \`all\` in its row
is nobody's at one location. Whoever has several roles may do what any of them allows, where it allows it. Operations that need
\`account:sign-in\` are open to anybody: they lead to a session, or begin as a device or a patient, and say the same to everybody who
proves nothing. Some permissions are about fields of what one may read otherwise. A row without a word in it is for no role: devices
(\`DEVICE_POLICY\`) and patients (\`PATIENT_GRANTS\`) have permissions of their own, and the key of an integration those that it was given.
`;

function page(): string {
  const byTag = Map.groupBy(callsOf(openApiDocument('')), ({ tags: [tag = ''] }) => tag);
  const sections = [...byTag].map(([tag, calls]) => `## ${tag}\n\n${tableOf(calls)}\n`);
  return [INTRODUCTION, ...sections].join('\n');
}

function tableOf(calls: Call[]): string {
  const rows = calls.map((call) => {
    const cells = ROLES.map((role) => cellOf(role, call['x-permission']).replace('-', ''));
    return [`\`${call.method.toUpperCase()} ${call.path}\``, `\`${call['x-permission']}\``, ...cells];
  });
  const table = [['Operation', 'Permission', ...ROLES.map((role) => role.replace('-', ' '))], ...rows];
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(table[0] ?? []), rule, ...table.slice(1).map(line)].join('\n');
}

if (!process.argv.includes('--check')) {
  writeFileSync(FILE, page());
  console.log(`Wrote ${FILE}.`);
} else if (readFileSync(FILE, 'utf8') !== page()) {
  console.error('docs/access.md is not what the routes and the policy table make.');
  process.exitCode = 1;
}
