import { OpenAPIHono } from '@hono/zod-openapi';
import type { Database } from '@medspa/database';
import { catalogRoutes } from './modules/catalog/index.ts';
import {
  accessRoutes,
  apiKeyRoutes,
  deviceRoutes,
  emergencyRoutes,
  federatedRoutes,
  identityRoutes,
  passkeyRoutes,
  resetRoutes,
  signInRoutes,
} from './modules/identity/index.ts';
import { messagingHooks, messagingRoutes } from './modules/messaging/index.ts';
import { patientRoutes, proxyRoutes } from './modules/patients/index.ts';
import { portalPasskeyRoutes, portalRoutes } from './modules/portal/index.ts';
import { calendarFeedAddress, calendarFeedRoutes, checkInRoutes, liveRoutes, schedulingRoutes } from './modules/scheduling/index.ts';
import type { Config } from './platform/config.ts';
import type { Ctx } from './platform/context.ts';
import { documentation } from './platform/documentation/index.ts';
import type { OpenApi } from './platform/documentation/openapi.ts';
import { strictBody } from './platform/body.ts';
import { asAnybody, countNetwork, edge, observe, routeOf, shedding, signedIn, timeLimit, type FindActor } from './platform/edge.ts';
import { healthRoutes } from './platform/health.ts';
import { operationsNeeding, router, type AppEnv } from './platform/http.ts';
import { NO_PROVIDERS, type IdentityProviders } from './platform/identity-provider/index.ts';
import { errorFields, type Log } from './platform/log.ts';
import { mailboxRoutes } from './platform/mailbox/index.ts';
import type { Received } from './platform/mailbox/page.ts';
import type { Live } from './platform/live.ts';
import type { Metrics } from './platform/metrics.ts';
import { portalPage } from './platform/portal-page/index.ts';
import { Problem, problemDocument, problemOf } from './platform/problem.ts';
import { createRateLimits } from './platform/rate-limits.ts';
import { passwordPages } from './platform/reset-password/index.ts';
import { signedByTwilio } from './platform/senders/hook.ts';
import { signInPages } from './platform/sign-in-pages/index.ts';
import { traceRequests } from './platform/spans.ts';

/** What the app is put together from. Tests give their own clock and their own way to say who asks. */
export type AppParts = {
  config: Pick<Config, 'corsOrigins' | 'apiUrl' | 'mail' | 'relyingParty' | 'isPractice' | 'twilio' | 'trustedProxies' | 'rateLimitFactor'>;
  database: Database;
  codec: Ctx['codec'];
  breaker: Ctx['breaker'];
  now: () => Date;
  /** Of staff ... */
  findActor: FindActor;
  /** ... and of patients, below /v1/portal alone: neither's cookie is worth anything in the other's place. */
  findPatient: FindActor;
  log: Log;
  metrics: Metrics;
  live: Live;
  isStopping: () => boolean;
  isTraced: boolean;
  /** What practice mode received, for its page; absent where messages reach people. */
  received?: () => readonly Received[];
  /** Who else vouches for people; nobody unless told. */
  identityProviders?: IdentityProviders;
  /** Longest time for an answer, 15 s unless told. */
  httpMillis?: number;
};

/** Every module under /v1, behind sign-in. */
function apiRoutes(
  { apiUrl, mail, relyingParty }: Pick<Config, 'apiUrl' | 'mail' | 'relyingParty'>,
  providers: IdentityProviders,
): OpenAPIHono<AppEnv> {
  return router()
    .route('/', signInRoutes)
    .route('/', passkeyRoutes(relyingParty))
    .route('/', resetRoutes(relyingParty))
    .route('/', federatedRoutes(providers))
    .route('/', accessRoutes({ apiUrl, sendsMail: mail !== null }))
    .route('/', deviceRoutes)
    .route('/', checkInRoutes)
    .route('/', calendarFeedRoutes(apiUrl))
    .route('/', apiKeyRoutes)
    .route('/', identityRoutes)
    .route('/', catalogRoutes)
    .route('/', schedulingRoutes)
    .route('/', liveRoutes)
    .route('/', patientRoutes)
    .route('/', emergencyRoutes)
    .route('/', proxyRoutes)
    .route('/', messagingRoutes)
    .route('/', portalRoutes)
    .route('/', portalPasskeyRoutes(relyingParty));
}

/** The HTTP application: health, documentation, and the modules behind edge and sign-in. */
export function createApp(parts: AppParts): OpenAPIHono<AppEnv> {
  const { config, log, metrics } = parts;
  const app = router();
  const providers = parts.identityProviders ?? NO_PROVIDERS;
  const routes = apiRoutes(config, providers);

  app.onError((error, c) => {
    const problem = problemOf(error);
    const requestId = c.get('requestId');
    metrics.problem(problem.slug, routeOf(c));
    // Permissions are demanded before the database is asked. What it refuses by itself is a bug of ours: a grant that we forgot,
    // or a row of another organization.
    // Whoever is shed is in the request's own line and in the metrics; a second line each would cost what is short.
    const isShed = problem.slug === 'overloaded' && problem === error;
    const isOurFault = (problem.status >= 500 && !isShed) || (problem.slug === 'not-permitted' && problem !== error);
    if (isOurFault) log.error('request failed', { requestId, slug: problem.slug, ...errorFields(error) });
    if (problem.status === 503) c.header('retry-after', '1');
    const { retryAfterSeconds } = problem.extension;
    if (retryAfterSeconds !== undefined) c.header('retry-after', String(retryAfterSeconds));
    c.header('content-type', 'application/problem+json');
    return c.body(JSON.stringify(problemDocument(problem, requestId, config.apiUrl)), problem.status as 400);
  });
  app.notFound((c) => {
    const allowed = methodsOf(app, c.req.path);
    if (allowed.length > 0) c.header('allow', allowed.join(', '));
    throw new Problem(allowed.length > 0 ? 'method-not-allowed' : 'not-found');
  });

  if (parts.isTraced) app.use(traceRequests());
  app.use(observe(log, metrics));
  app.use(edge(config, parts.isStopping));
  app.route('/', healthRoutes(parts.database, parts.isStopping));
  app.route(
    '/',
    documentation(() => openApiDocument(config.apiUrl)),
  );
  app.route('/', signInPages({ hasMailbox: parts.received !== undefined, hasProvider: providers.oidc !== null }));
  app.route('/', portalPage());
  if (parts.received) app.route('/', mailboxRoutes(parts.received, parts.findActor));
  app.route('/', passwordPages());
  app.use('/hooks/twilio/:organizationId/*', timeLimit(parts.httpMillis), ...signedByTwilio(config, parts));
  app.route('/hooks', messagingHooks);
  const open = operationsNeeding(routes, 'account:sign-in', '/v1');
  const signedInHere = { staff: signedIn(parts.findActor, parts, open), patient: signedIn(parts.findPatient, parts, open) };
  const counted = [
    countNetwork(createRateLimits(config.rateLimitFactor), config.trustedProxies),
    shedding(parts.breaker.isFull),
    timeLimit(parts.httpMillis),
  ] as const;
  app.use('/feeds/*', ...counted, asAnybody(parts));
  app.route('/feeds', calendarFeedAddress);
  app.use(
    '/v1/*',
    ...counted,
    (c, next) => signedInHere[isOfPortal(c.req.path) ? 'patient' : 'staff'](c, next),
    strictBody(),
    (c, next) => {
      c.set('live', parts.live);
      return next();
    },
  );
  app.route('/v1', routes);
  return app;
}

/** Patients are below it, and nobody else. */
function isOfPortal(path: string): boolean {
  return path.startsWith('/v1/portal/');
}

/** OpenAPI 3.1 of everything under /v1, made from the schemas that check requests and answers. */
export function openApiDocument(apiUrl: string): OpenApi {
  // The document asks nobody for a passkey, knows no provider, and sends no e-mail.
  const app = router().route('/v1', apiRoutes({ apiUrl, mail: null, relyingParty: { id: '', origins: [] } }, NO_PROVIDERS));
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Medical Spa Platform',
      version: '0.1.0',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      description:
        'The calendar, appointments, patients and catalog of a medical spa over HTTP, JSON in and out. Amounts are integer minor units, instants carry an offset, days are days of the location, and every refusal is an RFC 9457 problem document.',
    },
    servers: [{ url: apiUrl }],
    tags: [
      {
        name: 'Sign-in',
        description:
          'Staff sign in with password and second factor, or with a passkey. The session is a cookie that no script reads; changes of one need an Origin of ours. The first person makes the organization at /setup.',
      },
      {
        name: 'Devices',
        description:
          'Kiosks, where patients check in by themselves, and devices that staff share, with a PIN to come back and a way to hand them to a patient. The key of a device is a cookie that no script reads.',
      },
      {
        name: 'API keys',
        description:
          'What integrations sign in with: `Authorization: Bearer`, without a cookie. A key does a part of what its maker may do.',
      },
      { name: 'Calendar', description: 'Rooms, the repeating weeks of providers, open times, and what a day holds.' },
      { name: 'Appointments', description: 'A visit from booking to leaving. Each change writes its history.' },
      { name: 'Patients', description: 'Who is treated, and who may act for them. Every read of a patient is recorded.' },
      {
        name: 'Portal',
        description:
          'What patients do themselves: they sign in with a code or link that is sent to them, read what is theirs, and act for those they stand in for. Their session is a cookie of its own.',
      },
      {
        name: 'Emergencies',
        description: "Breaking the glass: one patient's record for an hour, with a reason, and reviewed by somebody else.",
      },
      {
        name: 'Messages',
        description: 'What patients are told by e-mail and text: the words, whether they want them, and what became of each.',
      },
      { name: 'Catalog', description: 'What is offered: services with terms and prices by date, who performs them, kinds of rooms.' },
      {
        name: 'Access',
        description:
          'Who may do what, and where: roles, those of its own, invitations, and leaving. Nobody gives more than they hold, and changes want a proof of the last five minutes.',
      },
      { name: 'Organization', description: 'The organization, the parties that own its books, its locations and its people.' },
    ],
  });
  return document as unknown as OpenApi;
}

/** Methods that are answered at this path. */
function methodsOf(app: OpenAPIHono<AppEnv>, path: string): string[] {
  const methods = app.routes
    .filter(
      (route) => route.method !== 'ALL' && new RegExp(`^${route.path.replaceAll('.', '[.]').replaceAll(/:[^/]+/g, '[^/]+')}$`).test(path),
    )
    .flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...new Set(methods)];
}
