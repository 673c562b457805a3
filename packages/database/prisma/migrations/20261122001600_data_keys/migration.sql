-- Keys of the data. Each organization has its own, random, and wrapped by a key that the database never sees. The tables are as
-- Prisma drafts them; below them stands what it cannot express.

-- What was sealed before there were data keys cannot be opened with one. No release did that.
DO $$ BEGIN
  IF EXISTS (SELECT FROM key_check) THEN
    RAISE EXCEPTION 'this database was sealed by a version before data keys, which was never released; begin with a new database';
  END IF;
END $$;

-- DropTable
DROP TABLE "key_check";

-- CreateTable
CREATE TABLE "data_key" (
    "organization_id" UUID NOT NULL,
    "key_id" INTEGER NOT NULL,
    "usable_from" TIMESTAMPTZ(3) NOT NULL,
    "destroyed_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "data_key_pkey" PRIMARY KEY ("organization_id","key_id")
);

-- CreateTable
CREATE TABLE "data_key_secret" (
    "organization_id" UUID NOT NULL,
    "key_id" INTEGER NOT NULL,
    "wrapped_by" TEXT NOT NULL,
    "wrapped_key" BYTEA NOT NULL,
    "sealings" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "data_key_secret_pkey" PRIMARY KEY ("organization_id","key_id")
);

-- AddForeignKey
ALTER TABLE "data_key_secret" ADD CONSTRAINT "data_key_secret_organization_id_key_id_fkey" FOREIGN KEY ("organization_id", "key_id") REFERENCES "data_key"("organization_id", "key_id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- ── protection ───────────────────────────────────────────────────────────────────────────────────────────────────────
-- No key to `organization`: keys are there before their organization, and some belong to none.

CALL app.protect('data_key');
-- Not audited: a wrapped key in the log, which nobody may delete from, could never be destroyed.
CALL app.protect('data_key_secret', false);

ALTER TABLE data_key ADD CONSTRAINT data_key_id CHECK (key_id >= 0);
ALTER TABLE data_key_secret
  ADD CONSTRAINT data_key_secret_is_wrapped CHECK (octet_length(wrapped_key) > 32),
  ADD CONSTRAINT data_key_secret_sealings CHECK (sealings >= 0);

-- The service makes keys and counts what they sealed. Only the owner wraps anew and destroys.
GRANT SELECT, INSERT ON data_key, data_key_secret TO app_rw;
GRANT UPDATE (sealings) ON data_key_secret TO app_rw;

CREATE POLICY upkeep ON data_key FOR SELECT TO app_owner USING (current_setting('app.upkeep', true) = 'on');
CREATE POLICY upkeep ON data_key_secret FOR SELECT TO app_owner USING (current_setting('app.upkeep', true) = 'on');

-- ── what the codec asks ──────────────────────────────────────────────────────────────────────────────────────────────

-- The keys of the session's organization as they are wrapped; `isNew` for one that never had any,
-- and for no organization. `p_sealed` adds to what each has
-- sealed: {key id: how often}.
CREATE FUNCTION app.find_data_keys(p_session jsonb, p_sealed jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_keys jsonb;
  v_is_new boolean;
BEGIN
  PERFORM app.enter(p_session);
  IF p_sealed <> '{}' THEN
    UPDATE data_key_secret k SET sealings = k.sealings + s.value::bigint FROM jsonb_each_text(p_sealed) s
    WHERE k.organization_id = app.organization_id() AND k.key_id = s.key::int;
  END IF;
  -- Asked first: keys that somebody adds meanwhile are found below.
  v_is_new := NOT EXISTS (SELECT FROM data_key WHERE organization_id = app.organization_id());
  SELECT jsonb_agg(jsonb_build_object('keyId', k.key_id, 'isUsable', k.usable_from <= clock_timestamp(),
    'wrappedBy', s.wrapped_by, 'wrapped', encode(s.wrapped_key, 'hex')) ORDER BY k.key_id) INTO v_keys
  FROM data_key k JOIN data_key_secret s USING (organization_id, key_id) WHERE organization_id = app.organization_id();
  IF v_keys IS NOT NULL THEN
    v_is_new := false;
  ELSIF v_is_new AND app.organization_id() <> '00000000-0000-0000-0000-000000000000' THEN
    -- A statement of its own: while a bulk load holds the organization's table, keys that are there must be found.
    v_is_new := EXISTS (SELECT FROM organization WHERE id = app.organization_id());
  END IF;
  RETURN jsonb_build_object('isNew', v_is_new, 'keys', coalesce(v_keys, '[]'));
END $$;

-- Adds keys, which seal `p_delay` from now on: processes know a key before the first of them uses it. Of two that add the same, one
-- does. p_keys: [{keyId, wrappedBy, wrapped}], hex.
CREATE FUNCTION app.add_data_keys(p_keys jsonb, p_delay interval) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  WITH given AS (
    SELECT * FROM jsonb_to_recordset(p_keys) AS g("keyId" integer, "wrappedBy" text, "wrapped" text)
  ), made AS (
    INSERT INTO data_key (organization_id, key_id, usable_from)
    SELECT app.organization_id(), "keyId", date_trunc('milliseconds', clock_timestamp()) + p_delay FROM given ORDER BY "keyId"
    ON CONFLICT DO NOTHING RETURNING key_id
  )
  INSERT INTO data_key_secret (organization_id, key_id, wrapped_by, wrapped_key)
  SELECT app.organization_id(), key_id, "wrappedBy", decode("wrapped", 'hex') FROM made JOIN given ON "keyId" = key_id;
  RETURN FOUND;
END $$;

-- The same as a transaction of its own.
CREATE FUNCTION app.add_data_keys(p_session jsonb, p_keys jsonb, p_delay interval) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM app.enter(p_session);
  RETURN app.add_data_keys(p_keys, p_delay);
END $$;

-- A key for each that wraps, the newest of no organization first, so that a start can tell whether it was given the right ones. Where
-- each organization has a wrapping key of its own, a start asks for some.
CREATE FUNCTION app.find_wrapping_samples(p_session jsonb) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_found jsonb;
BEGIN
  PERFORM set_config('app.upkeep', 'on', true);
  SELECT coalesce(jsonb_agg(to_jsonb(one)), '[]') INTO v_found FROM (
    SELECT * FROM (
      SELECT DISTINCT ON (wrapped_by) organization_id AS "organizationId", key_id AS "keyId", wrapped_by AS "wrappedBy", encode(wrapped_key, 'hex') AS wrapped
      FROM data_key_secret ORDER BY wrapped_by, organization_id, key_id DESC) each
    ORDER BY "organizationId", "keyId" LIMIT 20) one;
  PERFORM set_config('app.upkeep', '', true);
  RETURN v_found;
END $$;

-- ENC-2: organizations whose newest key is older than 90 days, or has sealed 2^28 values: a sixteenth of what one may with random
-- ivs. The numbers stand here and not with the caller.
CREATE FUNCTION app.find_worn_data_keys(p_session jsonb) RETURNS uuid[] LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_found uuid[];
BEGIN
  PERFORM set_config('app.upkeep', 'on', true);
  SELECT coalesce(array_agg(organization_id), '{}') INTO v_found FROM (
    SELECT DISTINCT ON (organization_id) organization_id, k.created_at, s.sealings
    FROM data_key k JOIN data_key_secret s USING (organization_id, key_id)
    JOIN organization o ON o.id = organization_id
    WHERE key_id > 0 ORDER BY organization_id, key_id DESC) newest
  WHERE created_at < now() - interval '90 days' OR sealings >= 2 ^ 28;
  PERFORM set_config('app.upkeep', '', true);
  RETURN v_found;
END $$;

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
