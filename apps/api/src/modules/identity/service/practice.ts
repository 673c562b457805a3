import { SessionsEnded } from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import type { Ctx } from '../../../platform/context.ts';
import { mutate, view } from '../../../platform/doors.ts';
import { hashPassword, isPasswordOf } from '../../../platform/passwords.ts';
import { findStaff } from '../queries.ts';
import * as queries from '../queries/sign-in.ts';
import { isLong } from '../rules.ts';
import { keyedPassword, loginKeyOf } from './prove.ts';

/** A person of a practice clinic, and the address that they sign in with. */
type Person = { id: string; email: string };

/**
 * Lets people of a practice clinic sign in with this password, whatever they had; whoever is not there is left out. Told by the
 * task that fills such a clinic, never by a request. Gives the people who can.
 */
export async function letPracticePeopleIn<Who extends Person>(ctx: Ctx, people: readonly Who[], password: string): Promise<Who[]> {
  const verb = { needs: 'staff:write', action: 'practice.sign-ins' } as const;
  const known = await view(ctx, verb, (tx) => withSecrets(ctx, tx, people));
  const keyed = keyedPassword(ctx, password);
  for (const { person, passwordHash } of known) {
    if (await isPasswordOf(passwordHash, keyed)) continue;
    const secret = { passwordHash: await hashPassword(keyed), passwordIsLong: isLong(password) };
    await mutate(ctx, { ...verb, reply: SessionsEnded }, async (tx) => {
      const account = { organizationId: ctx.organizationId, staffId: person.id, loginKey: loginKeyOf(ctx, person.email) };
      await queries.putAccount(tx, account, secret, ctx.now());
      return { ended: await queries.deleteSessions(tx, ctx.organizationId, person.id) };
    });
  }
  return known.map(({ person }) => person);
}

async function withSecrets<Who extends Person>(ctx: Ctx, tx: Tx, people: readonly Who[]) {
  const found: { person: Who; passwordHash: string | null }[] = [];
  for (const person of people) {
    if (!(await findStaff(tx, ctx.organizationId, person.id))) continue;
    const secret = await queries.findSecret(tx, ctx.organizationId, person.id);
    found.push({ person, passwordHash: secret?.passwordHash ?? null });
  }
  return found;
}
