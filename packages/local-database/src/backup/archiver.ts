import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArchiveError, hasLogFile, logFile, readFileSealed, writeFileSealed, type Archive } from './archive.ts';

const LOOKS_EVERY_MILLIS = 50;
const RETRIES_AFTER_MILLIS = 2_000;
/** Activity is in the archive after this at the latest, plus a few seconds: the most that a lost disk costs. */
const SWITCHES_AFTER_SECONDS = 60;

/**
 * What makes PostgreSQL keep each segment until this process has archived it: its archive command is the question whether
 * the receipt is there. It asks for a while, then fails, which PostgreSQL repeats for ever; so a segment is never lost, however
 * often whichever side is killed. The server's account needs no key and no access to the archive for that. Where nobody is there
 * to give receipts it does not wait, so that a server whose owner has left ends soon.
 */
export function archiveSettings(receipts: string): Record<string, string> {
  const [receipt, open] = [`${shellWord(receipts)}/%f`, shellWord(openSign(receipts))];
  return {
    archive_mode: 'on',
    archive_command: `n=0; while test $n -lt 20; do test -e ${receipt} && exit 0; test -e ${open} || exit 1; n=$((n+1)); sleep 0.1; done; exit 1`,
    archive_timeout: String(SWITCHES_AFTER_SECONDS),
  };
}

/** A path as one word of the shell, inside a setting where PostgreSQL replaces `%`. */
export function shellWord(path: string): string {
  return `'${path.replaceAll("'", String.raw`'\''`).replaceAll('%', '%%')}'`;
}

/** There while somebody gives receipts. */
function openSign(receipts: string): string {
  return `${receipts}.open`;
}

/** Takes finished segments from the cluster into the archive until it is stopped. */
export class Archiver {
  private readonly cluster: string;
  private readonly receipts: string;
  private readonly archive: Archive;
  private readonly say: (text: string) => void;
  private readonly ending = new AbortController();
  private running: Promise<void> | null = null;
  private lastSaid = '';

  constructor(cluster: string, receipts: string, archive: Archive, say: (text: string) => void) {
    this.cluster = cluster;
    this.receipts = receipts;
    this.archive = archive;
    this.say = say;
    // Receipts of an earlier run are given again, after a look at what they were given for.
    rmSync(receipts, { recursive: true, force: true });
    mkdirSync(receipts, { recursive: true, mode: 0o755 });
  }

  start(): void {
    writeFileSync(openSign(this.receipts), '');
    process.on('exit', this.leave);
    this.running ??= this.work();
  }

  private readonly leave = (): void => rmSync(openSign(this.receipts), { force: true });

  /** Ends after what is under way. PostgreSQL hands over its last segment while it stops, so stop that first. */
  async stop(): Promise<void> {
    this.ending.abort();
    await this.running;
    this.leave();
    process.off('exit', this.leave);
  }

  private async work(): Promise<void> {
    while (!this.ending.signal.aborted) {
      let waitMillis = LOOKS_EVERY_MILLIS;
      try {
        await this.takeAll();
        if (this.lastSaid) this.say('Archiving for the backup works again.');
        this.lastSaid = '';
      } catch (error) {
        waitMillis = RETRIES_AFTER_MILLIS;
        this.sayOnce(`The backup does not get the database's log, which is kept meanwhile: ${(error as Error).message}`);
      }
      await sleep(waitMillis, undefined, { signal: this.ending.signal }).catch(() => {});
    }
  }

  private async takeAll(): Promise<void> {
    const ready = new Set(
      readdirSync(join(this.cluster, 'pg_wal/archive_status')).flatMap((name) =>
        name.endsWith('.ready') ? name.slice(0, -'.ready'.length) : [],
      ),
    );
    for (const name of readdirSync(this.receipts)) if (!ready.has(name)) rmSync(join(this.receipts, name), { force: true });
    for (const name of [...ready].toSorted(historiesFirst)) {
      const receipt = join(this.receipts, name);
      if (existsSync(receipt)) continue;
      await archiveLogFile(this.archive, join(this.cluster, 'pg_wal', name), name);
      writeFileSync(receipt, '');
    }
  }

  private sayOnce(text: string): void {
    if (text !== this.lastSaid) this.say(text);
    this.lastSaid = text;
  }
}

/**
 * Archives one file of the log, once. The same file again, after a kill between writing and the receipt, is fine; another
 * content under a name that is taken throws: then two clusters of one origin are at work, and nothing may be overwritten.
 */
async function archiveLogFile(archive: Archive, path: string, name: string): Promise<void> {
  if (!hasLogFile(archive, name)) return writeFileSealed(archive, logFile(archive, name), createReadStream(path));
  const [here, there] = await Promise.all([
    digestOf(createReadStream(path)),
    readFileSealed(archive, logFile(archive, name)).then(({ content }) => digestOf(content)),
  ]);
  if (here !== there)
    throw new ArchiveError(
      `${name} is in the backup already with another content. Does a copy of this database use the same backup folder?`,
    );
}

async function digestOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of content) hash.update(chunk);
  return hash.digest('hex');
}

/** A timeline's history before its segments; segments in their order. */
function historiesFirst(a: string, b: string): number {
  const rank = (name: string) => (name.endsWith('.history') ? 0 : 1);
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}
