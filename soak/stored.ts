import type { Ground } from './ground.ts';
import type { Stored, StoredVisit } from './history.ts';

/** Everything that the clinic's visits have left in the database. */
export async function readStored({ clinic, look }: Ground): Promise<Stored> {
  const iso = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  const of = [clinic.organizationId];
  return {
    visits: await look<StoredVisit>(
      `SELECT a.id, a.version, a.status, ${iso('a.starts_at')} AS "startsAt", ${iso('a.ends_at')} AS "endsAt", a.patient_id AS "patientId",
        (SELECT jsonb_agg(jsonb_build_object('providerId', s.provider_id, 'roomId', s.room_id, 'startsAt', ${iso('s.starts_at')},
           'endsAt', ${iso('s.ends_at')}) ORDER BY s.position)
         FROM appointment_segment s WHERE s.organization_id = a.organization_id AND s.appointment_id = a.id) AS segments
       FROM appointment a WHERE a.organization_id = $1`,
      of,
    ),
    history: await look(
      `SELECT appointment_id AS "visitId", version, action AS verb FROM appointment_history WHERE organization_id = $1`,
      of,
    ),
    claims: await look(
      `SELECT appointment_id AS "visitId", resource_id AS "resourceId", ${iso('lower(during)')} AS since, ${iso('upper(during)')} AS until
       FROM claim WHERE organization_id = $1`,
      of,
    ),
    events: await look(
      `SELECT stream_id AS stream, sequence::int, type, subject_id AS "subjectId", (payload ->> 'version')::int AS version
       FROM outbox_event WHERE organization_id = $1 AND type LIKE 'appointment.%'`,
      of,
    ),
    replies: await look(
      `SELECT key, outcome ->> 'appointmentId' AS "visitId", (outcome ->> 'version')::int AS version
       FROM idempotency_key WHERE organization_id = $1`,
      of,
    ),
  };
}

/** Compares indexes with their tables (amcheck); a sentence for each that differs. */
export async function damagedIndexes({ look }: Ground): Promise<string[]> {
  await look('CREATE EXTENSION IF NOT EXISTS amcheck');
  const indexes = await look<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
     JOIN pg_class t ON t.oid = i.indrelid
     WHERE a.amname = 'btree' AND c.relkind = 'i' AND i.indisvalid AND c.relnamespace = 'public'::regnamespace`,
  );
  const damaged: string[] = [];
  for (const { name } of indexes) {
    try {
      await look('SELECT bt_index_check($1::regclass, true)', [name]);
    } catch (error) {
      damaged.push(`${name}: ${(error as Error).message}`);
    }
  }
  return damaged;
}
