import { z } from 'zod';
import { call, mutate } from '../../platform/doors.ts';
import { job, type Job } from '../../platform/jobs.ts';
import { dropJob } from '../../platform/upkeep.ts';
import { dropPastClaimsVerb, noticeOverdueVerb, watchArrivalsVerb } from './queries.ts';
import { OVERDUE_MINUTES } from './rules.ts';
import { tellPatient } from './service/notes.ts';

/** A statement that removes this many stays well below its limit of eight seconds. */
const CLAIMS_AT_ONCE = 20_000;

export const schedulingJobs: Job[] = [
  {
    name: 'watch-arrivals',
    cron: '* * * * *',
    run: async (ctx) => {
      await call(ctx, { needs: 'appointment:write', action: 'upkeep.arrivals' }, (session) => watchArrivalsVerb(session, OVERDUE_MINUTES));
    },
  },
  // Enqueued by watching.
  job('notice-overdue', z.object({ organizationId: z.uuid(), appointmentId: z.uuid() }), async (ctx, { appointmentId }) => {
    await call(ctx, { needs: 'appointment:write', action: 'appointment.overdue' }, (session) =>
      noticeOverdueVerb(session, appointmentId, OVERDUE_MINUTES),
    );
  }),
  // Enqueued by every change that patients are told of, in its transaction.
  job(
    'tell-patient',
    z.object({ organizationId: z.uuid(), appointmentId: z.uuid(), version: z.int() }),
    async (ctx, { appointmentId, version }) => {
      await mutate(ctx, { needs: 'messaging:write', action: 'appointment.tell', reply: z.void() }, (tx) =>
        tellPatient(ctx, tx, appointmentId, version),
      );
    },
  ),
  dropJob({ name: 'drop-past-claims', cron: '11 3 * * *', action: 'upkeep.claims', atOnce: CLAIMS_AT_ONCE, drop: dropPastClaimsVerb }),
];
