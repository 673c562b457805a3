-- Seals of the two logs: a chain of hashes per organization and log, over rows that nobody can add to any more. What a seal covers
-- is told by transactions and not by ids, since an id is drawn long before its row is committed: a seal has the rows of all
-- transactions from `from_xact` on and before `to_xact`, which is the oldest one that was still running. Those below it are over,
-- so no row comes late; what commits later belongs to a later seal, whatever its id. See docs/decisions/0014-audit-seals.md.

ALTER TABLE "access_log" ADD COLUMN "xact" xid8 NOT NULL DEFAULT pg_current_xact_id();
ALTER TABLE "audit_log" ADD COLUMN "xact" xid8 NOT NULL DEFAULT pg_current_xact_id();

-- CreateIndex
CREATE INDEX "access_log_xact_idx" ON "access_log"("xact");

-- CreateIndex
CREATE INDEX "audit_log_xact_idx" ON "audit_log"("xact");

-- CreateTable
CREATE TABLE "audit_seal" (
    "organization_id" UUID NOT NULL,
    "log" TEXT NOT NULL,
    "sequence" BIGINT NOT NULL,
    "from_xact" xid8 NOT NULL,
    "to_xact" xid8 NOT NULL,
    "row_count" BIGINT NOT NULL,
    "total_rows" BIGINT NOT NULL,
    "rows_hash" BYTEA NOT NULL,
    "contents_hash" BYTEA NOT NULL,
    "previous_root" BYTEA NOT NULL,
    "root" BYTEA NOT NULL,
    "sealed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "audit_seal_pkey" PRIMARY KEY ("organization_id","log","sequence")
);

-- CreateIndex
CREATE INDEX "audit_seal_to_xact_idx" ON "audit_seal"("to_xact");

ALTER TABLE audit_seal
  ADD CONSTRAINT audit_seal_log CHECK (log IN ('access_log', 'audit_log')),
  ADD CONSTRAINT audit_seal_sequence CHECK (sequence > 0),
  ADD CONSTRAINT audit_seal_covers_rows CHECK (row_count > 0 AND total_rows >= row_count AND to_xact > from_xact),
  ADD CONSTRAINT audit_seal_hashes CHECK (
    octet_length(rows_hash) = 32 AND octet_length(contents_hash) = 32 AND octet_length(previous_root) = 32 AND octet_length(root) = 32);

CALL app.protect('audit_seal', false);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seal FOR EACH STATEMENT EXECUTE FUNCTION app.append_only();

-- Sealing goes across organizations.
CREATE POLICY upkeep ON organization FOR SELECT TO app_owner USING (current_setting('app.upkeep', true) = 'on');
CREATE POLICY upkeep ON audit_log FOR SELECT TO app_owner USING (current_setting('app.upkeep', true) = 'on');
CREATE POLICY upkeep ON access_log FOR SELECT TO app_owner USING (current_setting('app.upkeep', true) = 'on');
CREATE POLICY upkeep ON audit_seal FOR ALL TO app_owner USING (current_setting('app.upkeep', true) = 'on');

-- Everything that a row says but its id, in one form: what the seal hashes. scripts/audit-log/rows.ts has the same form of its own,
-- so that a verifier asks no function that an intruder could have replaced.
CREATE FUNCTION app.sealed_form(l audit_log) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_array(l.xact, l.organization_id, l.at AT TIME ZONE 'UTC', l.actor_kind, l.actor_id, l.request_id, l.action,
    l.table_name, l.row_id, l.operation, l.before, l.after, l.reason)::text
$$;
CREATE FUNCTION app.sealed_form(l access_log) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_array(l.xact, l.organization_id, l.at AT TIME ZONE 'UTC', l.actor_kind, l.actor_id, l.request_id, l.action,
    l.patient_ids, l.reason)::text
$$;

-- Seals what no seal covers yet, of all organizations, one seal for each and log that has rows; at most about p_most rows a log, so that
-- a call stays below the limit of a statement. An organization in which nothing happened gets none: it would prove nothing.
-- Returns how many rows were sealed, whether rows are left that could be, and for how many seconds the oldest row waits that
-- cannot be yet, because a transaction older than it still runs. Null while another call seals.
CREATE FUNCTION app.seal_logs(p_session jsonb, p_most integer) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_from xid8;
  v_over xid8;
  v_to xid8;
  v_sealed bigint;
  v_waits numeric;
BEGIN
  PERFORM app.enter(p_session);
  IF NOT pg_try_advisory_xact_lock(hashtextextended('app.seal_logs', 6)) THEN
    RETURN NULL;
  END IF;
  PERFORM set_config('app.upkeep', 'on', true);
  -- Every call seals all organizations up to one transaction: the next begins there.
  v_from := coalesce((SELECT to_xact FROM audit_seal ORDER BY to_xact DESC LIMIT 1), '0');
  -- Read before the rows are: whoever is over now, their rows are seen below.
  v_over := pg_snapshot_xmin(pg_current_snapshot());
  IF v_over < v_from THEN
    RAISE EXCEPTION 'the server counts its transactions from below what is sealed: the logs were moved here from another one' USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  v_to := least(v_over,
    (SELECT xact FROM audit_log WHERE xact > (SELECT xact FROM audit_log WHERE xact >= v_from AND xact < v_over ORDER BY xact OFFSET p_most - 1 LIMIT 1) ORDER BY xact LIMIT 1),
    (SELECT xact FROM access_log WHERE xact > (SELECT xact FROM access_log WHERE xact >= v_from AND xact < v_over ORDER BY xact OFFSET p_most - 1 LIMIT 1) ORDER BY xact LIMIT 1));

  WITH log_row AS MATERIALIZED (
    SELECT l.organization_id, 'audit_log' AS log, l.id, sha256(convert_to(app.sealed_form(l), 'UTF8')) AS content
    FROM audit_log l WHERE l.xact >= v_from AND l.xact < v_to
    UNION ALL
    SELECT l.organization_id, 'access_log', l.id, sha256(convert_to(app.sealed_form(l), 'UTF8'))
    FROM access_log l WHERE l.xact >= v_from AND l.xact < v_to
  ), fresh AS (
    SELECT organization_id, log, count(*) AS row_count, date_trunc('milliseconds', clock_timestamp()) AS sealed_at,
      -- With the ids in order, and without either: where only the second holds, rows have changed places.
      sha256(string_agg(int8send(id) || content, ''::bytea ORDER BY id)) AS rows_hash,
      sha256(string_agg(content, ''::bytea ORDER BY content)) AS contents_hash
    FROM log_row GROUP BY organization_id, log
  ), linked AS (
    SELECT f.organization_id, f.log, coalesce(last.sequence, 0) + 1 AS sequence, coalesce(last.to_xact, '0') AS from_xact, v_to AS to_xact, f.row_count,
      coalesce(last.total_rows, 0) + f.row_count AS total_rows, f.rows_hash, f.contents_hash,
      coalesce(last.root, decode(repeat('00', 32), 'hex')) AS previous_root, f.sealed_at
    FROM fresh f
    LEFT JOIN LATERAL (
      SELECT s.sequence, s.to_xact, s.total_rows, s.root FROM audit_seal s
      WHERE s.organization_id = f.organization_id AND s.log = f.log ORDER BY s.sequence DESC LIMIT 1) last ON true
  ), made AS (
    INSERT INTO audit_seal (organization_id, log, sequence, from_xact, to_xact, row_count, total_rows, rows_hash, contents_hash, previous_root, root, sealed_at)
    SELECT organization_id, log, sequence, from_xact, to_xact, row_count, total_rows, rows_hash, contents_hash, previous_root,
      sha256(previous_root || convert_to(concat_ws('|', organization_id, log, sequence, from_xact, to_xact, row_count, total_rows,
        encode(rows_hash, 'hex'), encode(contents_hash, 'hex'), (extract(epoch FROM sealed_at) * 1000)::bigint), 'UTF8')), sealed_at
    FROM linked
    RETURNING row_count
  )
  SELECT coalesce(sum(row_count), 0) INTO v_sealed FROM made;

  SELECT extract(epoch FROM clock_timestamp() - min(at)) INTO v_waits FROM (
    (SELECT at FROM audit_log WHERE xact >= v_to ORDER BY xact LIMIT 1) UNION ALL (SELECT at FROM access_log WHERE xact >= v_to ORDER BY xact LIMIT 1)) waiting;
  PERFORM set_config('app.upkeep', '', true);
  RETURN jsonb_build_object('sealed', v_sealed, 'isBehind', v_to < v_over, 'waitingSeconds', greatest(round(coalesce(v_waits, 0), 3), 0));
END $$;

-- The last seal of each organization and log, and of those of none, which tell of its keys: what is anchored outside of the database.
CREATE FUNCTION app.seal_heads(p_session jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_heads jsonb;
BEGIN
  PERFORM app.enter(p_session);
  PERFORM set_config('app.upkeep', 'on', true);
  SELECT coalesce(jsonb_agg(jsonb_build_object('organization', last.organization_id, 'log', last.log, 'sequence', last.sequence,
      'head', encode(last.root, 'hex'), 'count', last.total_rows) ORDER BY last.organization_id, last.log), '[]') INTO v_heads
  FROM (SELECT id FROM organization UNION ALL SELECT '00000000-0000-0000-0000-000000000000') o
  CROSS JOIN (VALUES ('access_log'), ('audit_log')) l (log)
  CROSS JOIN LATERAL (SELECT s.* FROM audit_seal s WHERE s.organization_id = o.id AND s.log = l.log ORDER BY s.sequence DESC LIMIT 1) last;
  PERFORM set_config('app.upkeep', '', true);
  RETURN v_heads;
END $$;

GRANT SELECT ON audit_seal TO app_rw;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
