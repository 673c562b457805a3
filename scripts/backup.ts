// The backup tasks for the embedded database: backup (now, or --list), restore --to TIME, drill.
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import {
  ArchiveError,
  backUpLocalDatabase,
  FolderInUse,
  listBackups,
  restoreLocalDatabase,
  type BackupPlace,
} from '@medspa/local-database';
import { drill } from './backup-drill.ts';
import { backupPlace, DATA } from './local.ts';

const FOLDER = join(DATA, 'postgres');
/** An instant means something only with its offset. */
const INSTANT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;
const say = (text: string) => console.log(text);

const [task, ...args] = process.argv.slice(2);
const tasks: Record<string, () => Promise<void>> = { backup, restore, drill: () => drill(args, say) };
try {
  await (tasks[task ?? ''] ?? (() => Promise.reject(new Error(`Unknown backup task "${task ?? ''}".`))))();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

/** Takes a base copy now, beside a running service as well; with --list says what there is. */
async function backup(): Promise<void> {
  const { values } = parseArgs({ args, options: { list: { type: 'boolean' } } });
  const place = wantedPlace();
  if (values.list) return list(place);
  const base = await backUpLocalDatabase({ folder: FOLDER, backup: place, say });
  say(`Copied ${base.files} files, ${(base.bytes / 1e6).toFixed(1)} MB, as of ${base.finishedAt}, to ${place.folder}.`);
  say(`Without the key (${place.keyFile}) nobody reads it, you included: keep a copy of that file somewhere else.`);
}

async function list(place: BackupPlace): Promise<void> {
  const found = await listBackups(place);
  if (found.length === 0) say(`There is no backup in ${place.folder} yet.`);
  for (const { archive, bases } of found) {
    say(`Database ${archive.systemId}:`);
    for (const base of bases)
      say(`  ${base.finishedAt}  ${(base.bytes / 1e6).toFixed(1)} MB, and every instant after it until the next gap or now`);
  }
}

/** Restores the database as it was at an instant, or to the end of the backup. */
async function restore(): Promise<void> {
  const { values } = parseArgs({ args, options: { to: { type: 'string' }, database: { type: 'string' } } });
  const wanted = values.to ?? '';
  if (wanted !== 'latest' && !INSTANT.test(wanted))
    throw new Error('Say to which instant: npm run restore -- --to 2026-03-02T14:05:00-05:00 (with its offset), or --to latest.');
  const began = performance.now();
  try {
    const restored = await restoreLocalDatabase({
      folder: FOLDER,
      backup: wantedPlace(),
      target: wanted === 'latest' ? 'latest' : new Date(wanted),
      database: values.database,
      say,
    });
    const { tables, rows, indexes, lastChange } = restored.inspection;
    say(
      `Restored in ${((performance.now() - began) / 1000).toFixed(1)} s. Read without a fault: ${rows} rows of ${tables} tables, ${indexes} indexes.`,
    );
    say(`The last change it has is of ${lastChange?.toISOString() ?? restored.base.finishedAt}.`);
    if (restored.kept) say(`What was there before is in ${restored.kept}; remove it when you are sure.`);
  } catch (error) {
    if (error instanceof FolderInUse) throw new Error(`${error.message} Stop the service first.`, { cause: error });
    if (error instanceof ArchiveError) throw new Error(`${error.message}\nNothing was changed.`, { cause: error });
    throw error;
  }
}

function wantedPlace(): BackupPlace & { keyFile: string } {
  const place = backupPlace();
  if (!place) throw new Error('Backups are off (MEDSPA_BACKUP=off).');
  return place;
}
