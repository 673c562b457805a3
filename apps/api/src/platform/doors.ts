import type { Permission } from '@medspa/contracts';
import type { Session, SqlText, Tx } from '@medspa/database';
import type { z } from 'zod';
import { demand, sessionOf, type Ctx } from './context.ts';
import { span } from './spans.ts';
import { findReply, keepReply } from './repeatable.ts';

// The two doors to the data. Both demand the permission, enter the session (organization and actor, which row-level
// security and the audit triggers read), go through the breaker and run again when they lost a race. There is no third.

type Verb = { needs: Permission; action: string };

/** What both doors do before and around the work: permission first, then a span, then the breaker, then the organization's keys. */
async function atDatabase<T>(ctx: Ctx, verb: Verb, work: () => Promise<T>): Promise<T> {
  demand(ctx, verb.needs);
  return span(verb.action, () =>
    ctx.breaker.execute(async () => {
      if (!ctx.codec.isReady(ctx.organizationId)) await ctx.codec.prepare(ctx.organizationId);
      return work();
    }),
  );
}

/**
 * First door, for changes: runs the work in one transaction. Nothing but the database inside it: messages and calls leave
 * as jobs enqueued in it. A request that carries an Idempotency-Key and was answered before is answered alike, without work.
 *
 * `reply` is the schema of the result, in which a repeatable answer is kept (sealed, since it may hold a person's data). Where it shows
 * patients, `patients` says whom: an answer that is given again does nothing that the audit log would tell, and is an access.
 */
export async function mutate<Reply extends z.ZodType>(
  ctx: Ctx,
  verb: Verb & { reply: Reply; patients?: (result: z.output<Reply>) => string[] },
  work: (tx: Tx) => Promise<z.output<Reply>>,
): Promise<z.output<Reply>> {
  return atDatabase(ctx, verb, () =>
    ctx.database.withTransaction(sessionOf(ctx, verb), async (tx) => {
      if (!ctx.repeatable) return work(tx);
      const kept = await findReply(ctx, ctx.repeatable, tx, verb.reply);
      if (kept) {
        await logAccess(tx, verb.patients?.(kept.reply));
        return kept.reply;
      }
      const result = await work(tx);
      await keepReply(ctx, ctx.repeatable, tx, verb.reply, result);
      return result;
    }),
  );
}

/**
 * First door, for reads. Where the result shows patients, `patients` says whom, and the access is logged in the same
 * transaction: no log, no answer.
 */
export async function view<Result>(
  ctx: Ctx,
  verb: Verb & { patients?: (result: Result) => string[] },
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  return atDatabase(ctx, verb, () =>
    ctx.database.withTransaction(sessionOf(ctx, verb), async (tx) => {
      const result = await work(tx);
      await logAccess(tx, verb.patients?.(result));
      return result;
    }),
  );
}

/** Writes down who was shown, if anybody was. */
async function logAccess(tx: Tx, patients: string[] = []): Promise<void> {
  if (patients.length > 0) await tx.$executeRaw`SELECT app.log_access(${patients}::uuid[])`;
}

/**
 * Second door, for the hot paths: one call of one SQL function that enters the session itself and is the whole transaction.
 * Returns its first row.
 */
export async function call<Row>(ctx: Ctx, verb: Verb, build: (session: Session) => SqlText<Row>): Promise<Row> {
  const rows = await atDatabase(ctx, verb, () => ctx.database.callFunction(sessionOf(ctx, verb), build));
  return rows[0] as Row;
}
