import type pg from 'pg';

/** One access of a patient's record. */
export type Access = { at: Date; actorKind: string; actor: string; action: string; requestId: string };

/**
 * Who was shown the patient, the latest first, in every organization that the role sees. Names are those of the staff; others have their
 * id alone.
 */
export async function findReaders(client: pg.ClientBase, patientId: string): Promise<Access[]> {
  type Row = Access & { organization: string; actorId: string };
  const { rows } = await client.query<Row>(
    `SELECT organization_id AS organization, at, actor_kind AS "actorKind", actor_id AS "actorId", action, request_id AS "requestId"
     FROM public.access_log WHERE $1::uuid = ANY (patient_ids) ORDER BY at DESC, id DESC`,
    [patientId],
  );
  const names = new Map<string, string>();
  for (const organization of new Set(rows.map((row) => row.organization))) {
    // Staff are seen within their organization only.
    await client.query(`SELECT set_config('app.organization_id', $1, true)`, [organization]);
    const staff = await client.query<{ id: string; name: string }>(
      `SELECT id, given_name || ' ' || family_name AS name FROM public.staff WHERE organization_id = $1`,
      [organization],
    );
    for (const { id, name } of staff.rows) names.set(id, name);
  }
  return rows.map(({ organization: _, actorId, ...row }) => ({ ...row, actor: names.get(actorId) ?? actorId }));
}
