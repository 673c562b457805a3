import { z } from '@hono/zod-openapi';
import {
  Consent,
  FindConsent,
  MessagePolicy,
  MessageTemplate,
  PageQuery,
  pageOf,
  Message,
  PublishTemplate,
  RecordConsent,
  SetMessagePolicy,
} from '@medspa/contracts';
import { createRoute, encode, IdParam, jsonBody, jsonReply, problems, repeatable, RepeatableHeader, router } from '../../platform/http.ts';
import { Problem } from '../../platform/problem.ts';
import { findConsent, hearText, recordConsent, type HeardText } from './service/consent.ts';
import { listPatientMessages } from './service/messages.ts';
import { reportMessage } from './service/send.ts';
import { getMessagePolicy, listTemplates, publishTemplate, setMessagePolicy } from './service/templates.ts';

const tags = ['Messages'];

export const messagingRoutes = router()
  .openapi(
    createRoute({
      method: 'get',
      path: '/message-templates',
      needs: 'messaging:read',
      limit: 'read',
      tags,
      summary: 'Templates in all their revisions',
      request: { query: PageQuery },
      responses: { 200: jsonReply('A page', pageOf(MessageTemplate)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(MessageTemplate), await listTemplates(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/message-templates',
      needs: 'messaging:write',
      limit: 'write',
      tags,
      summary: 'Publish a revision of a template',
      description:
        'It is active at once, in the place of the one before. Refused with the reasons when it speaks of health or treatment, has a place that this kind does not have, or is too long for a text message.',
      request: { headers: RepeatableHeader, body: jsonBody(PublishTemplate) },
      responses: {
        201: jsonReply('Published', MessageTemplate),
        ...problems('template-refused', 'already-exists', 'idempotency-key-reused'),
      },
    }),
    async (c) => c.json(encode(c, MessageTemplate, await publishTemplate(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/message-policy',
      needs: 'messaging:read',
      limit: 'read',
      tags,
      summary: 'Quiet hours and forbidden words',
      responses: { 200: jsonReply('What holds', MessagePolicy) },
    }),
    async (c) => c.json(encode(c, MessagePolicy, await getMessagePolicy(c.get('ctx'))), 200),
  )
  .openapi(
    createRoute({
      method: 'put',
      path: '/message-policy',
      needs: 'messaging:write',
      limit: 'write',
      tags,
      summary: 'Set quiet hours and forbidden words',
      request: { body: jsonBody(SetMessagePolicy) },
      responses: {
        200: jsonReply('What holds now', MessagePolicy),
        ...problems('stale-version', 'already-exists'),
      },
    }),
    async (c) => c.json(encode(c, MessagePolicy, await setMessagePolicy(c.get('ctx'), c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/patients/{id}/messages',
      needs: 'messaging:read',
      limit: 'read',
      tags,
      summary: 'What was said to a patient',
      description: 'The latest first, with what waits, what was withheld, and why.',
      request: { params: IdParam, query: PageQuery },
      responses: { 200: jsonReply('A page', pageOf(Message)), ...problems('not-found') },
    }),
    async (c) =>
      c.json(encode(c, pageOf(Message), await listPatientMessages(c.get('ctx'), c.req.valid('param').id, c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/message-consents',
      needs: 'consent:write',
      limit: 'write',
      tags,
      summary: 'Record whether an address may be written to',
      description: 'Nothing is overwritten: the latest record holds, for every patient who shares the address.',
      request: { headers: RepeatableHeader, body: jsonBody(RecordConsent) },
      responses: { 201: jsonReply('What holds now', Consent), ...problems('idempotency-key-reused') },
    }),
    async (c) => c.json(encode(c, Consent, await recordConsent(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/message-consents/search',
      needs: 'messaging:read',
      limit: 'search',
      tags,
      summary: 'Whether an address may be written to',
      description: 'A POST, so that the address stands in no log.',
      request: { body: jsonBody(FindConsent) },
      responses: { 200: jsonReply('What holds', Consent) },
    }),
    async (c) => c.json(encode(c, Consent, await findConsent(c.get('ctx'), c.req.valid('json'))), 200),
  );

const Status = z.object({
  MessageSid: z.string().regex(/^(SM|MM)[0-9a-f]{32}$/),
  MessageStatus: z.string().regex(/^[a-z_]{1,30}$/),
});
const Text = z.object({
  MessageSid: z.string().regex(/^(SM|MM)[0-9a-f]{32}$/),
  From: z.string().regex(/^\+[1-9]\d{6,14}$/),
  Body: z.string().max(2_000),
  OptOutType: z.enum(['STOP', 'START', 'HELP']).optional(),
});
/** No text in reply: the provider answers STOP, START and HELP itself. */
const NOTHING_TO_SAY = '<?xml version="1.0" encoding="UTF-8"?><Response/>';

/**
 * What the text provider calls, behind its signature (platform/senders/hook.ts). Not in the API's document: nobody else can
 * call it. Answered once it is stored; the provider tries again for seconds only (decision 0009).
 */
export const messagingHooks = router()
  .post('/twilio/:organizationId/status', async (c) => {
    const status = Status.safeParse(Object.fromEntries(c.get('form') ?? []));
    const messageId = z.uuid().safeParse(c.req.query('message'));
    if (!status.success || !messageId.success) throw new Problem('invalid-request');
    const { MessageSid, MessageStatus } = status.data;
    await reportMessage(c.get('ctx'), { messageId: messageId.data, providerId: MessageSid, status: MessageStatus });
    return c.body(null, 204);
  })
  .post('/twilio/:organizationId/inbound', async (c) => {
    const text = Text.safeParse(Object.fromEntries(c.get('form') ?? []));
    if (!text.success) throw new Problem('invalid-request');
    const { MessageSid, From, Body, OptOutType } = text.data;
    const said = (OptOutType?.toLowerCase() ?? null) as HeardText['said'];
    await hearText(c.get('ctx'), { from: From, text: Body, providerId: MessageSid, said });
    return c.body(NOTHING_TO_SAY, 200, { 'content-type': 'text/xml' });
  });
