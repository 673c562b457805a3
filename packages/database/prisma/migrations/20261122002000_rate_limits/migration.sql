-- How often one network tries a password or a code, or has us write to somebody: counted where all processes see it.

-- CreateTable
CREATE TABLE "rate_limit" (
    "network_key" BYTEA NOT NULL,
    "whole_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "rate_limit_pkey" PRIMARY KEY ("network_key")
);

-- CreateIndex
CREATE INDEX "rate_limit_whole_at_idx" ON "rate_limit"("whole_at");

-- ── protection ───────────────────────────────────────────────────────────────────────────────────────────────────────
-- There is no organization yet, and nobody but these functions sees the table.

ALTER TABLE rate_limit ADD CONSTRAINT rate_limit_network_key CHECK (octet_length(network_key) = 16);

-- Takes a turn and returns 0, or takes none and returns after how many milliseconds there will be one. A caller may have p_burst
-- turns at once and one more each p_every; one number says how it stands: when they will have all of their burst again (the generic
-- cell rate algorithm, as in apps/api/src/platform/rate-limits.ts). The row lock makes those who come at once come one after the other.
CREATE FUNCTION app.take_turn(p_session jsonb, p_key bytea, p_burst integer, p_every interval) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_now timestamptz := (p_session ->> 'now')::timestamptz;
  v_whole_at timestamptz;
  v_wait interval;
BEGIN
  INSERT INTO rate_limit AS r (network_key, whole_at) VALUES (p_key, v_now)
  ON CONFLICT (network_key) DO UPDATE SET whole_at = greatest(r.whole_at, v_now) RETURNING whole_at INTO v_whole_at;
  v_wait := v_whole_at - v_now - (p_burst - 1) * p_every;
  IF v_wait > interval '0' THEN
    RETURN ceil(extract(epoch FROM v_wait) * 1000);
  END IF;
  UPDATE rate_limit SET whole_at = v_whole_at + p_every WHERE network_key = p_key;
  RETURN 0;
END $$;

-- Gives a turn back, which did not count after all.
CREATE FUNCTION app.give_turn_back(p_session jsonb, p_key bytea, p_every interval) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE rate_limit SET whole_at = whole_at - p_every WHERE network_key = p_key;
END $$;

-- Removes networks that have had all of their burst again for an hour, at most p_limit; returns how many went.
CREATE FUNCTION app.drop_idle_limits(p_session jsonb, p_limit integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_count bigint;
BEGIN
  DELETE FROM rate_limit WHERE network_key = ANY (ARRAY(
    SELECT network_key FROM rate_limit WHERE whole_at < now() - interval '1 hour' ORDER BY whole_at LIMIT least(p_limit, 20000)));
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END $$;

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
