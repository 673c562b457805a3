import { MessagePolicy, MessageTemplate, type PageQuery, type PublishTemplate, type SetMessagePolicy } from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import type { Ctx } from '../../../platform/context.ts';
import { mutate, view } from '../../../platform/doors.ts';
import { Problem } from '../../../platform/problem.ts';
import { pageAfter } from '../../../platform/versioned.ts';
import * as queries from '../queries.ts';
import { DEFAULT_QUIET_HOURS } from '../rules/quiet.ts';
import { faultsOf } from '../rules/words.ts';

/** Every revision that there ever was, oldest first. */
export function listTemplates(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: 'messaging:read', action: 'message-template.list' }, async (tx) => {
    const { items, nextCursor } = await pageAfter(page, await queries.listTemplates(tx, ctx.organizationId, page), (id) =>
      queries.findTemplate(tx, ctx.organizationId, id),
    );
    return { items: items as MessageTemplate[], nextCursor };
  });
}

/**
 * Publishes words as the next revision, active from now on (M5). Throws `template-refused` with each place that may not be so:
 * an unknown place, a word about health, too long a text message.
 */
export function publishTemplate(ctx: Ctx, input: PublishTemplate) {
  return mutate(ctx, { needs: 'messaging:write', action: 'message-template.publish', reply: MessageTemplate }, async (tx) => {
    const { forbiddenWords } = await policyOf(ctx, tx);
    const faults = faultsOf(input.kind, input.channel, { title: input.title ?? null, body: input.body }, forbiddenWords);
    if (faults.length > 0) throw new Problem('template-refused', { errors: faults.map((fault) => ({ in: 'body', ...fault })) });
    return (await queries.replaceTemplate(tx, ctx.organizationId, input)) as MessageTemplate;
  });
}

/** When the organization may write and what its templates may not say. */
export function getMessagePolicy(ctx: Ctx): Promise<MessagePolicy> {
  return view(ctx, { needs: 'messaging:read', action: 'message-policy.read' }, async (tx) => present(await policyOf(ctx, tx)));
}

/** Sets it anew; what waits is measured by it when it is due. Throws `stale-version` with the revision that holds. */
export function setMessagePolicy(ctx: Ctx, input: SetMessagePolicy): Promise<MessagePolicy> {
  return mutate(ctx, { needs: 'messaging:write', action: 'message-policy.set', reply: MessagePolicy }, async (tx) => {
    const { revision } = await policyOf(ctx, tx);
    if (revision !== input.revision) throw new Problem('stale-version', { version: revision });
    await queries.insertPolicy(tx, ctx.organizationId, revision + 1, input);
    return present(await policyOf(ctx, tx));
  });
}

function present({ quietHours, ...policy }: queries.Policy): MessagePolicy {
  return { ...policy, quietFrom: quietHours.from, quietUntil: quietHours.until };
}

/** The policy that holds, the defaults where nobody set one. Inside the caller's transaction. */
export async function policyOf(ctx: Ctx, tx: Tx): Promise<queries.Policy> {
  const found = await queries.findPolicy(tx, ctx.organizationId);
  return found ?? { revision: 0, quietHours: DEFAULT_QUIET_HOURS, forbiddenWords: [] };
}
