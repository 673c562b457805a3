import type { Channel, MessageState } from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import type { Ctx } from '../../../platform/context.ts';
import { call, view } from '../../../platform/doors.ts';
import type { Handover, Outgoing, Sender, Senders } from '../../../platform/senders/index.ts';
import { signInCode, signInLink } from '../../../platform/sign-in-codes.ts';
import { getPlace } from '../../identity/index.ts';
import { addressKeyOf, getPatientContact } from '../../patients/index.ts';
import * as queries from '../queries.ts';
import { planOf, SILENT_MILLIS, tryAgainAt, type Plan } from '../rules/plan.ts';
import { fill, reveal, type Secrets, type Words } from '../rules/words.ts';
import { revokeByProvider } from './consent.ts';
import { indexOf, placeInMessage } from './places.ts';
import { policyOf } from './templates.ts';

/** What messages leave by, and where their links lead. */
export type Post = { senders: Senders; apiUrl: string };

const SEND = { needs: 'messaging:write', action: 'message.send' } as const;
/** Who took longer than this between taking a message and sending it lets it be: somebody else may soon have it. */
const STALLED_MILLIS = 30_000;

/**
 * Does what is to be done about a message now: sends it, waits, withholds it, or finds out what became of it. Can be called at
 * any time, any number of times and by several workers at once (M1).
 */
export async function sendMessage(ctx: Ctx, post: Post, id: string): Promise<void> {
  const found = await look(ctx, post, id);
  if (!found) return;
  const { plan, message } = found;
  if (plan.step === 'wait') await end(ctx, { messageId: id, attempt: null, state: 'queued', reason: plan.reason, sendAfter: plan.until });
  if (plan.step === 'withhold') await end(ctx, { messageId: id, attempt: null, state: 'suppressed', reason: plan.reason });
  if (plan.step === 'look-again') await lookAgain(ctx, id, plan.at);
  if (plan.step === 'find-out') await findOut(ctx, post, message);
  if (plan.step === 'send' && found.ready) await claimAndSend(ctx, found.ready);
}

type Ready = { claim: queries.Claim; outgoing: Outgoing; sender: Sender; expiresAt: Date };

/** The message and all that is said of it, and what is to be done; null when there is no such message. */
function look(ctx: Ctx, { senders, apiUrl }: Post, id: string) {
  type Found = { message: queries.MessageRow; plan: Plan; ready: Ready | null } | null;
  const patients = (found: Found) => (found?.ready ? [found.message.patientId] : []);
  return view(ctx, { ...SEND, action: 'message.prepare', patients }, async (tx): Promise<Found> => {
    const message = await queries.findMessage(tx, ctx.organizationId, id);
    if (!message) return null;
    const { patientId, locationId, kind, channel } = message;
    const [contact, place] = [await getPatientContact(ctx, tx, patientId), await getPlace(tx, ctx.organizationId, locationId)];
    if (!contact || !place) throw new Error('A message has its patient and its place.');
    const template = await queries.findActiveTemplate(tx, ctx.organizationId, kind, channel);
    const to = channel === 'email' ? contact.email : contact.phone;
    const { startsAt, addressKey } = message.details as { startsAt?: string; addressKey?: string };
    // A code is for whoever has the address that was asked for: one that its patient took meanwhile may be somebody else's way in.
    const isMeant =
      to === null || addressKey === undefined || Buffer.from((await addressKeyOf(ctx, tx, to)).key).toString('hex') === addressKey;
    const sender = senders[channel as Channel];
    const plan = planOf(
      {
        ...message,
        state: message.state as MessageState,
        isPatientActive: contact.isActive,
        hasAddress: to !== null && isMeant,
        hasWords: template !== null,
        hasSender: sender !== null,
        timeZone: contact.timeZone ?? place.timeZone,
        quietHours: (await policyOf(ctx, tx)).quietHours,
      },
      ctx.now(),
    );
    if (plan.step !== 'send' || !template || !sender || to === null) return { message, plan, ready: null };
    const at = startsAt === undefined ? {} : { 'appointment.date': new Date(startsAt), 'appointment.time': new Date(startsAt) };
    const words = fill(
      template,
      {
        'organization.name': place.organizationName,
        'patient.name': contact.name,
        'location.name': place.name,
        'location.address': place.address,
        ...at,
      },
      place.timeZone,
    );
    const seal = (column: 'address_sealed' | 'title_sealed' | 'body_sealed', value: string) =>
      Buffer.from(ctx.codec.seal(placeInMessage(ctx, column, id), value)).toString('hex');
    const claim = {
      messageId: id,
      version: message.version,
      patientVersion: contact.version,
      templateId: template.id,
      addressSealed: seal('address_sealed', to),
      addressIndex: Buffer.from(indexOf(ctx, to)).toString('hex'),
      titleSealed: words.title === null ? null : seal('title_sealed', words.title),
      bodySealed: seal('body_sealed', words.body),
      provider: sender.provider,
    };
    return {
      message,
      plan,
      ready: {
        claim,
        sender,
        outgoing: outgoingOf(ctx, id, to, reveal(words, secretsOf(ctx, apiUrl, message))),
        expiresAt: message.expiresAt,
      },
    };
  });
}

/** Takes the message, hands it over outside of any transaction, and writes down what became of it. */
async function claimAndSend(ctx: Ctx, { claim, outgoing, sender, expiresAt }: Ready): Promise<void> {
  const { messageId } = claim;
  const claimedAt = ctx.now();
  const { result } = await call(ctx, SEND, (session) => queries.claimVerb(session, claim));
  if (result.outcome === 'suppressed') return;
  if (result.outcome === 'moved-on') return lookAgain(ctx, messageId, new Date(claimedAt.getTime() + 5_000));
  const { attempt } = result;
  const handover: Handover =
    ctx.now().getTime() - claimedAt.getTime() > STALLED_MILLIS ? { outcome: 'later', code: 'stalled' } : await sender.send(outgoing);
  const at = { messageId, attempt };
  switch (handover.outcome) {
    case 'accepted':
      return end(ctx, { ...at, state: 'sent', providerId: handover.providerId });
    case 'refused':
      return end(ctx, { ...at, state: 'failed', reason: handover.code });
    case 'opted-out':
      await revokeByProvider(ctx, outgoing.to);
      return end(ctx, { ...at, state: 'suppressed', reason: 'opted-out' });
    case 'unknown':
      return lookAgain(ctx, messageId, new Date(ctx.now().getTime() + SILENT_MILLIS));
    case 'later': {
      const sendAfter = tryAgainAt(ctx.now(), attempt);
      const isLast = sendAfter >= expiresAt;
      return end(ctx, { ...at, reason: handover.code, ...(isLast ? { state: 'failed' } : { state: 'queued', sendAfter }) });
    }
  }
}

/**
 * Finds out what became of a message whose sender went silent between handing it over and writing that down. Where the provider
 * has it, it was sent; where it has not, or keeps no list, it is queued again under the same id, and everything is decided anew.
 */
async function findOut(ctx: Ctx, { senders, apiUrl }: Post, message: queries.MessageRow): Promise<void> {
  const { id, addressSealed, bodySealed, channel, provider, createdAt, expiresAt } = message;
  const silentSince = new Date(ctx.now().getTime() - SILENT_MILLIS);
  const { attempt } = await call(ctx, SEND, (session) => queries.takeOverVerb(session, id, silentSince));
  if (attempt === null || !addressSealed || !bodySealed || !provider) return;
  const sender = senders[channel as Channel];
  const again: queries.End = {
    messageId: id,
    attempt,
    reason: 'handover-unknown',
    ...(ctx.now() < expiresAt ? { state: 'queued', sendAfter: ctx.now() } : { state: 'failed' }),
  };
  if (sender?.provider !== provider || !sender.find) return end(ctx, again);
  const to = ctx.codec.open(placeInMessage(ctx, 'address_sealed', id), addressSealed);
  const body = ctx.codec.open(placeInMessage(ctx, 'body_sealed', id), bodySealed);
  const said = reveal({ title: null, body }, secretsOf(ctx, apiUrl, message));
  const found = await sender.find(outgoingOf(ctx, id, to, said), createdAt);
  if (found === null) return lookAgain(ctx, id, new Date(ctx.now().getTime() + SILENT_MILLIS));
  const taken = await view(ctx, { ...SEND, action: 'message.find-out' }, (tx: Tx) =>
    queries.listTakenIds(tx, ctx.organizationId, provider, found),
  );
  const providerId = found.find((one) => !taken.includes(one));
  return end(ctx, providerId === undefined ? again : { messageId: id, attempt, state: 'sent', providerId });
}

/** What a provider says of a message that it has. Twice, late and out of order are all the same. */
export async function reportMessage(ctx: Ctx, report: queries.Report): Promise<void> {
  await call(ctx, { ...SEND, action: 'message.report' }, (session) => queries.reportVerb(session, report));
}

/** What the message signs its reader in with, made anew each time and never kept (M8). */
function secretsOf(ctx: Ctx, apiUrl: string, { kind, aboutId }: queries.MessageRow): Secrets | null {
  if (kind !== 'patient.sign-in') return null;
  return { 'sign-in.code': signInCode(ctx, aboutId), 'sign-in.link': signInLink(ctx, apiUrl, aboutId) };
}

function outgoingOf(ctx: Ctx, id: string, to: string, words: Words): Outgoing {
  return { organizationId: ctx.organizationId, id, to, ...words };
}

async function end(ctx: Ctx, how: queries.End): Promise<void> {
  await call(ctx, SEND, (session) => queries.endVerb(session, how));
}

async function lookAgain(ctx: Ctx, id: string, at: Date): Promise<void> {
  await call(ctx, SEND, (session) => queries.lookAgainVerb(session, id, at));
}
