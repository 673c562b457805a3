import { randomBytes } from 'node:crypto';
import { chownSync, createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from '../account.ts';
import { hasLogFile, logFile, readFileSealed, type Archive } from './archive.ts';
import { shellWord } from './archiver.ts';
import { gapAt, type Plan } from './plan.ts';
import { nameOf, segmentOf } from './segments.ts';

const AHEAD = 8;
/** Above 125: PostgreSQL gives up, instead of taking silence for the end of the log. */
const GIVE_UP = 200;

/**
 * Hands the log to a server that recovers. The server's account may read neither key nor archive, so it asks by making a file
 * `ask/NAME` and takes `out/NAME`; this process decrypts, a few segments ahead, and takes the question away.
 */
export class Exchange {
  private readonly folder: string;
  private readonly archive: Archive;
  private readonly plan: Plan;
  private isOpen = true;
  /** Settled when the exchange ends; rejected with what is wrong with the archive. */
  readonly served: Promise<void>;
  /** The first segment that should have been there. */
  gap: string | null = null;

  constructor(folder: string, archive: Archive, plan: Plan, account: Account) {
    this.folder = folder;
    this.archive = archive;
    this.plan = plan;
    for (const path of [folder, join(folder, 'ask'), join(folder, 'out')]) {
      mkdirSync(path, { mode: 0o700 });
      if ('uid' in account.ids) chownSync(path, account.ids.uid, account.ids.gid);
    }
    this.served = this.serve(account);
  }

  /** Asked about one file, it ends well when the file is there, badly when there is none, and for good when nobody answers. */
  get restoreCommand(): string {
    const [ask, out] = [`${shellWord(join(this.folder, 'ask'))}/%f`, `${shellWord(join(this.folder, 'out'))}/%f`];
    const wait = `: > ${ask} || exit ${GIVE_UP}; n=0; while test -e ${ask}; do n=$((n+1)); test $n -gt 3000 && exit ${GIVE_UP}; sleep 0.02; done`;
    return `if ! test -e ${out}; then ${wait}; fi; test -e ${out} && mv ${out} "%p"`;
  }

  close(): void {
    this.isOpen = false;
  }

  private async serve(account: Account): Promise<void> {
    while (this.isOpen) {
      for (const name of readdirSync(join(this.folder, 'ask'))) {
        if (hasLogFile(this.archive, name)) await this.layOut(name, account);
        else this.gap ??= await gapAt(this.archive, this.plan, name);
        rmSync(join(this.folder, 'ask', name), { force: true });
        await this.layAhead(name, account);
      }
      await sleep(10);
    }
  }

  private async layAhead(name: string, account: Account): Promise<void> {
    const segment = segmentOf(name);
    for (let ahead = 1; segment && this.isOpen && ahead <= AHEAD; ahead++) {
      const next = nameOf({ ...segment, number: segment.number + ahead });
      if (hasLogFile(this.archive, next)) await this.layOut(next, account);
    }
  }

  private async layOut(name: string, account: Account): Promise<void> {
    const place = join(this.folder, 'out', name);
    if (existsSync(place)) return;
    const draft = join(this.folder, randomBytes(6).toString('hex'));
    const { content } = await readFileSealed(this.archive, logFile(this.archive, name));
    await pipeline(content, createWriteStream(draft, { mode: 0o600 }));
    if ('uid' in account.ids) chownSync(draft, account.ids.uid, account.ids.gid);
    renameSync(draft, place);
  }
}
