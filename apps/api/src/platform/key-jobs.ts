import { rotateDataKey, sql, type Wrapping } from '@medspa/database';
import { call } from './doors.ts';
import type { Job } from './jobs.ts';
import type { Log } from './log.ts';

/**
 * ENC-2: an organization whose newest key has sealed for 90 days, or 2^28 values, gets another one. What the older ones sealed stays
 * as it is until the operator has it sealed anew (`npm run keys -- reseal`): the service may not rewrite what it wrote.
 */
export function keyJobs(wrapping: Wrapping, log: Log): Job[] {
  return [
    {
      name: 'rotate-data-keys',
      cron: '7 3 * * *',
      run: async (ctx) => {
        const { worn } = await call(
          ctx,
          { needs: 'organization:write', action: 'data-key.find-worn' },
          (session) => sql<{ worn: string[] }>`SELECT app.find_worn_data_keys(${session}::jsonb) AS worn`,
        );
        for (const organizationId of worn) {
          await rotateDataKey(ctx.database, wrapping, organizationId);
          log.warn('data key rotated', { organizationId });
        }
      },
    },
  ];
}
