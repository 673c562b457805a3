-- Who is asking. Both doors to the data (packages/database) open a transaction or a SQL verb with app.enter(); row-level
-- security, the audit triggers and the verbs read it from here and nowhere else. All settings end with the transaction.

CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO app_rw;

-- p_session: {organizationId, actorKind, actorId, requestId, action, now}
CREATE FUNCTION app.enter(p_session jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF p_session ->> 'organizationId' IS NULL OR p_session ->> 'actorId' IS NULL THEN
    RAISE EXCEPTION 'a session names its organization and its actor' USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM set_config('app.organization_id', (p_session ->> 'organizationId')::uuid::text, true),
          set_config('app.session', p_session::text, true),
          set_config('app.now', p_session ->> 'now', true),
          set_config('app.locations', app.scope_of(p_session, 'locations'), true),
          set_config('app.patients', app.scope_of(p_session, 'patients'), true);
END $$;

-- The ids of a session's scope as text of an array; empty for all. Who names no scope sees nothing: to see all takes a null on purpose.
CREATE FUNCTION app.scope_of(p_session jsonb, p_scope text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE jsonb_typeof(p_session -> p_scope) WHEN 'null' THEN '' WHEN 'array' THEN translate(p_session ->> p_scope, '[]" ', '{}') ELSE '{}' END
$$;

-- The locations, or patients, whose rows are there for the session; null for all.
CREATE FUNCTION app.locations() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(current_setting('app.locations', true), '')::uuid[]
$$;
CREATE FUNCTION app.patients() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(current_setting('app.patients', true), '')::uuid[]
$$;

-- Null when no session was entered: policies then match no row.
CREATE FUNCTION app.organization_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(current_setting('app.organization_id', true), '')::uuid
$$;

-- Refuses when no session was entered: without an actor there is no write.
CREATE FUNCTION app.session() RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_session text := nullif(current_setting('app.session', true), '');
BEGIN
  IF v_session IS NULL THEN
    RAISE EXCEPTION 'no session was entered' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN v_session::jsonb;
END $$;

-- True while the owner puts the same values, sealed with a newer key, in the place of the old ones: what a row says stays as it is, so
-- it keeps its version, its history stays history, and no row of the log tells of it. The service's role never can, whatever it says
-- of itself and whatever function it is in: the session has to be the owner's own.
CREATE FUNCTION app.is_resealing() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce(current_setting('app.resealing', true), '') = 'on' AND pg_has_role(session_user, 'app_owner', 'MEMBER')
$$;

-- The caller's clock. A setting of its own, since a verb asks often.
CREATE FUNCTION app.session_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT nullif(current_setting('app.now', true), '')::timestamptz
$$;
