-- How patients sign in, and who stands in for whom. The tables are as Prisma drafts them; below them stands what it cannot express.

-- CreateTable
CREATE TABLE "patient_proxy" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "patient_id" UUID NOT NULL,
    "proxy_id" UUID NOT NULL,
    "basis" TEXT NOT NULL,
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "ends_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "patient_proxy_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "patient_sign_in" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "channel" TEXT NOT NULL,
    "address_key" BYTEA NOT NULL,
    "tries" SMALLINT NOT NULL DEFAULT 0,
    "used_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "patient_sign_in_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "patient_session" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "patient_id" UUID NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "device" TEXT NOT NULL,
    "idle_minutes" SMALLINT NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "patient_session_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "patient_session_use" (
    "organization_id" UUID NOT NULL,
    "session_id" UUID NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "patient_session_use_pkey" PRIMARY KEY ("organization_id","session_id")
);

-- CreateTable
CREATE TABLE "patient_passkey" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "patient_id" UUID NOT NULL,
    "credential_id" BYTEA NOT NULL,
    "public_key" BYTEA NOT NULL,
    "counter" BIGINT NOT NULL,
    "transports" TEXT[],
    "name" TEXT NOT NULL,
    "is_backed_up" BOOLEAN NOT NULL,
    "tried_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "regressed_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "patient_passkey_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateIndex
CREATE INDEX "patient_passkey_organization_id_patient_id_idx" ON "patient_passkey"("organization_id", "patient_id");

-- CreateIndex
CREATE UNIQUE INDEX "patient_passkey_organization_id_credential_id_key" ON "patient_passkey"("organization_id", "credential_id");

-- CreateIndex
CREATE INDEX "patient_proxy_organization_id_patient_id_id_idx" ON "patient_proxy"("organization_id", "patient_id", "id");

-- CreateIndex
CREATE INDEX "patient_proxy_organization_id_proxy_id_idx" ON "patient_proxy"("organization_id", "proxy_id");

-- CreateIndex
CREATE INDEX "patient_sign_in_organization_id_address_key_created_at_idx" ON "patient_sign_in"("organization_id", "address_key", "created_at");

-- CreateIndex
CREATE INDEX "patient_session_organization_id_patient_id_idx" ON "patient_session"("organization_id", "patient_id");

-- CreateIndex
CREATE UNIQUE INDEX "patient_session_organization_id_token_hash_key" ON "patient_session"("organization_id", "token_hash");

-- AddForeignKey
ALTER TABLE "patient_proxy" ADD CONSTRAINT "patient_proxy_organization_id_patient_id_fkey" FOREIGN KEY ("organization_id", "patient_id") REFERENCES "patient"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "patient_proxy" ADD CONSTRAINT "patient_proxy_organization_id_proxy_id_fkey" FOREIGN KEY ("organization_id", "proxy_id") REFERENCES "patient"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "patient_sign_in" ADD CONSTRAINT "patient_sign_in_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "patient_session" ADD CONSTRAINT "patient_session_organization_id_patient_id_fkey" FOREIGN KEY ("organization_id", "patient_id") REFERENCES "patient"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "patient_passkey" ADD CONSTRAINT "patient_passkey_organization_id_patient_id_fkey" FOREIGN KEY ("organization_id", "patient_id") REFERENCES "patient"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "patient_session_use" ADD CONSTRAINT "patient_session_use_organization_id_session_id_fkey" FOREIGN KEY ("organization_id", "session_id") REFERENCES "patient_session"("organization_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;

-- ── protection ───────────────────────────────────────────────────────────────────────────────────────────────────────

CALL app.protect('patient_proxy');
CALL app.protect('patient_session');
CALL app.protect('patient_passkey');
CALL app.protect('patient_session_use', false);
-- Audited when somebody asks and at each try, not when its day is over: upkeep is of no organization.
CALL app.protect('patient_sign_in', false);
CREATE TRIGGER audit_sign_in AFTER INSERT OR UPDATE ON patient_sign_in FOR EACH ROW EXECUTE FUNCTION app.audit();

CALL app.confine('patient_proxy', 'patients', 'patient_id = ANY ((SELECT app.patients())::uuid[])');
CALL app.confine('patient_session', 'patients', 'patient_id = ANY ((SELECT app.patients())::uuid[])');
CALL app.confine('patient_passkey', 'patients', 'patient_id = ANY ((SELECT app.patients())::uuid[])');
CALL app.confine('patient_session_use', 'patients',
  'EXISTS (SELECT FROM patient_session s WHERE s.organization_id = patient_session_use.organization_id AND s.id = session_id)');
-- Not for its owner, whose functions settle a sign-in for whoever it lets in.
CREATE POLICY no_patients ON patient_sign_in AS RESTRICTIVE FOR SELECT TO app_rw USING ((SELECT app.patients()) IS NULL);
CREATE POLICY upkeep ON patient_sign_in FOR ALL TO app_owner USING (current_setting('app.upkeep', true) = 'on');

ALTER TABLE patient_proxy
  ADD CONSTRAINT patient_proxy_not_of_oneself CHECK (patient_id <> proxy_id),
  ADD CONSTRAINT patient_proxy_basis CHECK (basis IN ('minor', 'consent')),
  -- Who is of age agrees for a time.
  ADD CONSTRAINT patient_proxy_consent_ends CHECK (basis <> 'consent' OR ends_at IS NOT NULL),
  ADD CONSTRAINT patient_proxy_ends_later CHECK (ends_at > starts_at);
CREATE UNIQUE INDEX patient_proxy_one_at_a_time ON patient_proxy (organization_id, patient_id, proxy_id) WHERE revoked_at IS NULL;
ALTER TABLE patient_sign_in
  ADD CONSTRAINT patient_sign_in_channel CHECK (channel IN ('email', 'sms')),
  ADD CONSTRAINT patient_sign_in_address CHECK (octet_length(address_key) = 16),
  ADD CONSTRAINT patient_sign_in_tries CHECK (tries BETWEEN 0 AND 5),
  ADD CONSTRAINT patient_sign_in_minutes CHECK (expires_at > created_at AND expires_at <= created_at + interval '10 minutes');
ALTER TABLE patient_session
  ADD CONSTRAINT patient_session_token CHECK (octet_length(token_hash) = 32),
  ADD CONSTRAINT patient_session_limits CHECK (idle_minutes > 0 AND ends_at > created_at);

ALTER TABLE patient_passkey
  ADD CONSTRAINT patient_passkey_credential CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
  ADD CONSTRAINT patient_passkey_counter CHECK (counter >= 0);

-- Twenty of a patient at most, also when they are added at once.
CREATE FUNCTION app.limit_patient_passkeys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM patient WHERE organization_id = NEW.organization_id AND id = NEW.patient_id FOR NO KEY UPDATE;
  IF (SELECT count(*) FROM patient_passkey WHERE organization_id = NEW.organization_id AND patient_id = NEW.patient_id) >= 20 THEN
    RAISE EXCEPTION 'a patient has twenty passkeys at most' USING ERRCODE = 'check_violation', CONSTRAINT = 'patient_passkey_twenty';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER limit_passkeys BEFORE INSERT ON patient_passkey FOR EACH ROW EXECUTE FUNCTION app.limit_patient_passkeys();

-- ── who stands in for whom ───────────────────────────────────────────────────────────────────────────────────────────

-- Whether one patient is related to another so that they may stand in for them: a parent or guardian of a minor, and for whoever is
-- of age anybody who is somebody to them. A relation is said from either side.
CREATE FUNCTION app.may_stand_in(p_patient uuid, p_proxy uuid, p_basis text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM patient_relation r WHERE r.organization_id = (SELECT app.organization_id()) AND (
    (r.patient_id = p_patient AND r.related_id = p_proxy AND (p_basis = 'consent' OR r.kind IN ('parent', 'guardian'))) OR
    (r.patient_id = p_proxy AND r.related_id = p_patient AND (p_basis = 'consent' OR r.kind IN ('child', 'ward')))))
$$;

-- ── before anybody is known ──────────────────────────────────────────────────────────────────────────────────────────

-- Asks for a code, in the transaction of the caller: returns 0, or how many seconds the address has to wait. Five an hour and ten a
-- day, counted one after the other. Whether anybody has the address is found out by the job, so that neither answer nor time tells.
CREATE FUNCTION app.ask_patient_sign_in(p_id uuid, p_channel text, p_address bytea) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz := app.session_now();
  v_until timestamptz;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws('|', app.organization_id(), p_channel, encode(p_address, 'hex')), 5));
  SELECT greatest(
    (SELECT created_at + interval '1 hour' FROM patient_sign_in
     WHERE organization_id = app.organization_id() AND address_key = p_address ORDER BY created_at DESC OFFSET 4 LIMIT 1),
    (SELECT created_at + interval '1 day' FROM patient_sign_in
     WHERE organization_id = app.organization_id() AND address_key = p_address ORDER BY created_at DESC OFFSET 9 LIMIT 1)) INTO v_until;
  IF v_until > v_now THEN
    RETURN ceil(extract(epoch FROM v_until - v_now));
  END IF;
  INSERT INTO patient_sign_in (organization_id, id, channel, address_key, expires_at, created_at)
  VALUES (app.organization_id(), p_id, p_channel, p_address, v_now + interval '10 minutes', v_now);
  PERFORM graphile_worker.add_job('send-sign-in', json_build_object('organizationId', app.organization_id(), 'signInId', p_id));
  RETURN 0;
END $$;

-- Lets one code be tried, or returns null: there is no such sign-in, it was used, its time is over, or five were tried. It counts
-- before it is compared: of many that come at once no more than five are.
CREATE FUNCTION app.try_patient_sign_in(p_session jsonb, p_id uuid) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_found jsonb;
BEGIN
  PERFORM app.enter(p_session);
  UPDATE patient_sign_in SET tries = tries + 1
  WHERE organization_id = app.organization_id() AND id = p_id AND tries < 5 AND used_at IS NULL AND expires_at > app.session_now()
  RETURNING jsonb_build_object('channel', channel, 'addressKey', encode(address_key, 'hex')) INTO v_found;
  RETURN v_found;
END $$;

-- Takes a try back: the code was right, and the birth date is yet to come.
CREATE FUNCTION app.take_back_patient_try(p_session jsonb, p_id uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM app.enter(p_session);
  UPDATE patient_sign_in SET tries = tries - 1 WHERE organization_id = app.organization_id() AND id = p_id AND tries > 0;
END $$;

-- Uses a sign-in up in the transaction of the session that it begins; false when somebody else did.
CREATE FUNCTION app.use_patient_sign_in(p_id uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE patient_sign_in SET used_at = app.session_now()
  WHERE organization_id = app.organization_id() AND id = p_id AND used_at IS NULL AND expires_at > app.session_now();
  RETURN FOUND;
END $$;

-- A try to sign in with a known passkey: p_counter is what its device counted, or null when it proved nothing. Each is in the audit
-- log. A count that does not rise comes of a copy, as for staff (app.try_passkey).
CREATE FUNCTION app.try_patient_passkey(p_session jsonb, p_id uuid, p_counter bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz := (p_session ->> 'now')::timestamptz;
  v_counter bigint;
  v_rises boolean;
BEGIN
  PERFORM app.enter(p_session);
  SELECT counter INTO v_counter FROM patient_passkey WHERE organization_id = app.organization_id() AND id = p_id FOR UPDATE;
  v_rises := coalesce(p_counter > v_counter OR (p_counter = 0 AND v_counter = 0), false);
  UPDATE patient_passkey
  SET tried_at = v_now, counter = CASE WHEN v_rises THEN p_counter ELSE counter END,
      last_used_at = CASE WHEN v_rises THEN v_now ELSE last_used_at END,
      regressed_at = CASE WHEN v_rises OR p_counter IS NULL THEN regressed_at ELSE v_now END
  WHERE organization_id = app.organization_id() AND id = p_id;
  RETURN v_rises;
END $$;

-- Removes sign-ins of more than a day ago, at most p_limit; returns how many went.
CREATE FUNCTION app.drop_past_sign_ins(p_session jsonb, p_limit integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_count bigint;
BEGIN
  PERFORM app.enter(p_session);
  PERFORM set_config('app.upkeep', 'on', true);
  DELETE FROM patient_sign_in WHERE ctid = ANY (ARRAY(SELECT ctid FROM patient_sign_in WHERE expires_at < now() - interval '1 day' LIMIT least(p_limit, 20000)));
  GET DIAGNOSTICS v_count = ROW_COUNT;
  PERFORM set_config('app.upkeep', '', true);
  RETURN v_count;
END $$;

-- ── while a patient is signed in ─────────────────────────────────────────────────────────────────────────────────────

-- Whose session a token is of, or null: no such session, idle for too long, past its end, or of a patient who is not active. With it
-- those whom the patient stands in for, each with the birth date, still sealed, on which a minor's end hangs, and the zones of the
-- organization, in which it is reckoned.
CREATE FUNCTION app.find_patient_session(p_session jsonb, p_token_hash bytea) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz := (p_session ->> 'now')::timestamptz;
  v_found record;
BEGIN
  PERFORM app.enter(p_session);
  SELECT s.id, s.patient_id, s.created_at, u.seen_at INTO v_found
  FROM patient_session s
  JOIN patient_session_use u ON u.organization_id = s.organization_id AND u.session_id = s.id
  JOIN patient p ON p.organization_id = s.organization_id AND p.id = s.patient_id
  WHERE s.organization_id = app.organization_id() AND s.token_hash = p_token_hash AND p.is_active
    AND v_now < s.ends_at AND v_now < u.seen_at + make_interval(mins => s.idle_minutes);
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF v_now >= v_found.seen_at + interval '30 seconds' THEN
    UPDATE patient_session_use SET seen_at = v_now WHERE organization_id = app.organization_id() AND session_id = v_found.id AND seen_at < v_now;
  END IF;
  RETURN jsonb_build_object('id', v_found.id, 'patientId', v_found.patient_id, 'createdAt', app.iso(v_found.created_at),
    'zones', (SELECT coalesce(jsonb_agg(DISTINCT time_zone), '[]') FROM location WHERE organization_id = app.organization_id() AND is_active),
    'standsInFor', (
      SELECT coalesce(jsonb_agg(jsonb_build_object('patientId', x.patient_id, 'basis', x.basis, 'birthDateSealed', encode(p.birth_date_sealed, 'hex')) ORDER BY x.patient_id), '[]')
      FROM patient_proxy x
      JOIN patient p ON p.organization_id = x.organization_id AND p.id = x.patient_id AND p.is_active
      WHERE x.organization_id = app.organization_id() AND x.proxy_id = v_found.patient_id AND x.revoked_at IS NULL
        AND x.starts_at <= v_now AND (x.ends_at IS NULL OR v_now < x.ends_at) AND app.may_stand_in(x.patient_id, x.proxy_id, x.basis)));
END $$;

-- A visit as its patient sees it: places and people by their names.
CREATE FUNCTION app.visit_of_patient(p_id uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'id', a.id, 'patientId', a.patient_id, 'status', a.status, 'startsAt', app.iso(a.starts_at), 'endsAt', app.iso(a.ends_at),
    'locationName', l.name, 'locationAddress', concat_ws(', ', l.street, l.city, l.region), 'timeZone', l.time_zone, 'services', (
      SELECT jsonb_agg(jsonb_build_object('serviceName', v.name, 'providerName', p.display_name, 'startsAt', app.iso(s.starts_at), 'endsAt', app.iso(s.ends_at)) ORDER BY s.position)
      FROM appointment_segment s
      JOIN service v ON v.organization_id = s.organization_id AND v.id = s.service_id
      JOIN provider p ON p.organization_id = s.organization_id AND p.id = s.provider_id
      WHERE s.organization_id = a.organization_id AND s.appointment_id = a.id))
  FROM appointment a
  JOIN location l ON l.organization_id = a.organization_id AND l.id = a.location_id
  WHERE a.organization_id = app.organization_id() AND a.id = p_id
$$;

-- ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

-- The words that an organization begins with, where it has none of this kind and channel; whoever comes second finds them.
CREATE FUNCTION app.begin_words(p_kind text, p_channel text, p_title text, p_body text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO message_template (organization_id, id, kind, channel, revision, title, body, created_at)
  SELECT app.organization_id(), app.new_id(), p_kind, p_channel, 1, p_title, p_body, app.session_now()
  WHERE NOT EXISTS (SELECT FROM message_template WHERE organization_id = app.organization_id() AND kind = p_kind AND channel = p_channel)
  ON CONFLICT DO NOTHING
$$;

-- Proxies are revoked and stay; sessions go. Sign-ins are removed by upkeep alone.
GRANT SELECT, INSERT ON patient_proxy, patient_sign_in, patient_passkey, patient_session, patient_session_use TO app_rw;
GRANT UPDATE (tried_at, counter, last_used_at, regressed_at) ON patient_passkey TO app_rw;
GRANT UPDATE (revoked_at) ON patient_proxy TO app_rw;
GRANT UPDATE (tries) ON patient_sign_in TO app_rw;
GRANT UPDATE (seen_at) ON patient_session_use TO app_rw;
GRANT DELETE ON patient_session, patient_passkey TO app_rw;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
