-- Devices of the clinic, PINs on those that staff share, and keys of integrations. The tables are as Prisma drafts them; below them stands
-- what it cannot express.

-- AlterTable
ALTER TABLE "staff_account" ADD COLUMN     "pin_set_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "staff_session" ADD COLUMN     "device_id" UUID,
ALTER COLUMN "token_hash" DROP NOT NULL;

-- AlterTable
ALTER TABLE "staff_session_use" ADD COLUMN     "pin_failures" SMALLINT NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "staff_pin" (
    "organization_id" UUID NOT NULL,
    "staff_id" UUID NOT NULL,
    "pin_hash" TEXT NOT NULL,

    CONSTRAINT "staff_pin_pkey" PRIMARY KEY ("organization_id","staff_id")
);

-- CreateTable
CREATE TABLE "device" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "location_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "code_hash" BYTEA,
    "code_expires_at" TIMESTAMPTZ(3),
    "key_hash" BYTEA,
    "created_by" UUID NOT NULL,
    "enrolled_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "misses" SMALLINT NOT NULL DEFAULT 0,
    "missed_since" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "device_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "device_use" (
    "organization_id" UUID NOT NULL,
    "device_id" UUID NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "device_use_pkey" PRIMARY KEY ("organization_id","device_id")
);

-- CreateTable
CREATE TABLE "api_key" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "permissions" TEXT[],
    "location_ids" UUID[],
    "is_everywhere" BOOLEAN NOT NULL,
    "created_by" UUID NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "api_key_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "api_key_use" (
    "organization_id" UUID NOT NULL,
    "key_id" UUID NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "api_key_use_pkey" PRIMARY KEY ("organization_id","key_id")
);

-- CreateTable
CREATE TABLE "check_in" (
    "organization_id" UUID NOT NULL,
    "device_id" UUID NOT NULL,
    "appointment_id" UUID NOT NULL,
    "patient_id" UUID NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "check_in_pkey" PRIMARY KEY ("organization_id","device_id")
);

-- CreateIndex
CREATE INDEX "device_code_hash_idx" ON "device"("code_hash");

-- CreateIndex
CREATE INDEX "device_organization_id_location_id_idx" ON "device"("organization_id", "location_id");

-- CreateIndex
CREATE INDEX "device_organization_id_created_by_idx" ON "device"("organization_id", "created_by");

-- CreateIndex
CREATE UNIQUE INDEX "device_organization_id_key_hash_key" ON "device"("organization_id", "key_hash");

-- CreateIndex
CREATE INDEX "api_key_organization_id_created_by_idx" ON "api_key"("organization_id", "created_by");

-- CreateIndex
CREATE UNIQUE INDEX "api_key_organization_id_secret_hash_key" ON "api_key"("organization_id", "secret_hash");

-- CreateIndex
CREATE INDEX "check_in_organization_id_appointment_id_idx" ON "check_in"("organization_id", "appointment_id");

-- CreateIndex
CREATE INDEX "check_in_organization_id_patient_id_idx" ON "check_in"("organization_id", "patient_id");

-- CreateIndex
CREATE UNIQUE INDEX "staff_session_organization_id_device_id_staff_id_key" ON "staff_session"("organization_id", "device_id", "staff_id");

-- AddForeignKey
ALTER TABLE "staff_pin" ADD CONSTRAINT "staff_pin_organization_id_staff_id_fkey" FOREIGN KEY ("organization_id", "staff_id") REFERENCES "staff_account"("organization_id", "staff_id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "staff_session" ADD CONSTRAINT "staff_session_organization_id_device_id_fkey" FOREIGN KEY ("organization_id", "device_id") REFERENCES "device"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "device" ADD CONSTRAINT "device_organization_id_location_id_fkey" FOREIGN KEY ("organization_id", "location_id") REFERENCES "location"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "device" ADD CONSTRAINT "device_organization_id_created_by_fkey" FOREIGN KEY ("organization_id", "created_by") REFERENCES "staff"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "device_use" ADD CONSTRAINT "device_use_organization_id_device_id_fkey" FOREIGN KEY ("organization_id", "device_id") REFERENCES "device"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_organization_id_created_by_fkey" FOREIGN KEY ("organization_id", "created_by") REFERENCES "staff"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "api_key_use" ADD CONSTRAINT "api_key_use_organization_id_key_id_fkey" FOREIGN KEY ("organization_id", "key_id") REFERENCES "api_key"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "check_in" ADD CONSTRAINT "check_in_organization_id_device_id_fkey" FOREIGN KEY ("organization_id", "device_id") REFERENCES "device"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "check_in" ADD CONSTRAINT "check_in_organization_id_appointment_id_fkey" FOREIGN KEY ("organization_id", "appointment_id") REFERENCES "appointment"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "check_in" ADD CONSTRAINT "check_in_organization_id_patient_id_fkey" FOREIGN KEY ("organization_id", "patient_id") REFERENCES "patient"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- ── protection ───────────────────────────────────────────────────────────────────────────────────────────────────────

CALL app.protect('device');
CALL app.protect('check_in');
CALL app.protect('api_key');
-- Not audited: a new PIN comes with a change of its account, and being used changes nothing.
CALL app.protect('staff_pin', false);
CALL app.protect('device_use', false);
CALL app.protect('api_key_use', false);

CALL app.confine('device', 'locations', 'location_id = ANY ((SELECT app.locations())::uuid[])');
CALL app.confine('check_in', 'patients', 'patient_id = ANY ((SELECT app.patients())::uuid[])');
CREATE POLICY no_patients ON device AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);
CREATE POLICY no_patients ON api_key AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);
CREATE POLICY no_patients ON staff_pin AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);

ALTER TABLE device
  ADD CONSTRAINT device_kind CHECK (kind IN ('kiosk', 'shared-device')),
  ADD CONSTRAINT device_hashes CHECK (octet_length(code_hash) = 32 AND octet_length(key_hash) = 32),
  ADD CONSTRAINT device_code_ends CHECK ((code_hash IS NULL) = (code_expires_at IS NULL)),
  -- A code is used once, and a revoked device has neither code nor key.
  ADD CONSTRAINT device_code_or_key CHECK (code_hash IS NULL OR (enrolled_at IS NULL AND revoked_at IS NULL)),
  ADD CONSTRAINT device_key_while_enrolled CHECK ((key_hash IS NOT NULL) = (enrolled_at IS NOT NULL AND revoked_at IS NULL)),
  ADD CONSTRAINT device_misses CHECK (misses BETWEEN 0 AND 5);
ALTER TABLE api_key
  ADD CONSTRAINT api_key_secret CHECK (octet_length(secret_hash) = 32),
  ADD CONSTRAINT api_key_is_limited CHECK (cardinality(permissions) > 0 AND expires_at > created_at AND expires_at <= created_at + interval '731 days'),
  ADD CONSTRAINT api_key_somewhere CHECK (is_everywhere = (cardinality(location_ids) = 0));
ALTER TABLE staff_pin ADD CONSTRAINT staff_pin_hash CHECK (pin_hash LIKE '$argon2id$v=19$%');
ALTER TABLE staff_session ADD CONSTRAINT staff_session_locked_on_device CHECK (token_hash IS NOT NULL OR device_id IS NOT NULL);
ALTER TABLE staff_session_use ADD CONSTRAINT staff_session_use_pin_failures CHECK (pin_failures BETWEEN 0 AND 5);

-- ── devices ──────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Who types a code on a new device has not said of which organization: it is looked for in all of them, as the owner, with a policy
-- of sight that holds inside of this one function. It takes the hash of 80 random bits, and cannot list.
CREATE POLICY enrolment ON device FOR SELECT TO app_owner USING (current_setting('app.enrolling', true) = 'on');

-- Uses up a code and gives the device its key; null when there is no such code or its time is over. Of two at once one gets it.
CREATE FUNCTION app.enrol_device(p_session jsonb, p_code_hash bytea, p_key_hash bytea) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_now timestamptz := (p_session ->> 'now')::timestamptz;
  v_device device%ROWTYPE;
BEGIN
  PERFORM set_config('app.enrolling', 'on', true);
  SELECT * INTO v_device FROM device WHERE code_hash = p_code_hash AND code_expires_at > v_now;
  PERFORM set_config('app.enrolling', '', true);
  IF v_device.id IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM app.enter(p_session || jsonb_build_object('organizationId', v_device.organization_id, 'actorKind', v_device.kind, 'actorId', v_device.id));
  UPDATE device SET key_hash = p_key_hash, enrolled_at = v_now, code_hash = NULL, code_expires_at = NULL
  WHERE organization_id = v_device.organization_id AND id = v_device.id AND code_hash = p_code_hash;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  INSERT INTO device_use (organization_id, device_id, seen_at) VALUES (v_device.organization_id, v_device.id, v_now);
  RETURN jsonb_build_object('organizationId', v_device.organization_id, 'id', v_device.id, 'kind', v_device.kind, 'locationId', v_device.location_id);
END $$;

-- Whose key this is, and the patient in whose hands the device is; null when it was revoked or never was. Being used is written down
-- twice a minute at most.
CREATE FUNCTION app.find_device(p_session jsonb, p_key_hash bytea) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz := (p_session ->> 'now')::timestamptz;
  v_found record;
BEGIN
  PERFORM app.enter(p_session);
  SELECT d.id, d.kind, d.location_id, c.patient_id INTO v_found
  FROM device d LEFT JOIN check_in c ON c.organization_id = d.organization_id AND c.device_id = d.id AND c.ends_at > v_now
  WHERE d.organization_id = app.organization_id() AND d.key_hash = p_key_hash;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  UPDATE device_use SET seen_at = v_now
  WHERE organization_id = app.organization_id() AND device_id = v_found.id AND seen_at <= v_now - interval '30 seconds';
  RETURN jsonb_build_object('id', v_found.id, 'kind', v_found.kind, 'locationId', v_found.location_id, 'patientId', v_found.patient_id);
END $$;

-- Whoever had the device in hand has it no more: sessions that were begun on it wait for their PIN, and no patient's check-in is open.
CREATE FUNCTION app.lock_device(p_device uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE staff_session SET token_hash = NULL
  WHERE organization_id = app.organization_id() AND device_id = p_device AND token_hash IS NOT NULL;
  DELETE FROM check_in WHERE organization_id = app.organization_id() AND device_id = p_device;
END $$;

-- Lets one PIN be tried on a device for somebody who signed in there fully, or says no by null: they did not, their time is over, they
-- left, have no PIN, or typed it wrong five times. It counts as wrong from here until it proves right, so that of many at once no
-- more than five are tried.
CREATE FUNCTION app.begin_unlock(p_session jsonb, p_staff uuid) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_found jsonb;
BEGIN
  PERFORM app.enter(p_session);
  UPDATE staff_session_use u SET pin_failures = u.pin_failures + 1
  FROM staff_session s
  JOIN staff t ON t.organization_id = s.organization_id AND t.id = s.staff_id
  JOIN staff_pin p ON p.organization_id = s.organization_id AND p.staff_id = s.staff_id
  WHERE s.organization_id = app.organization_id() AND s.device_id = (p_session ->> 'actorId')::uuid AND s.staff_id = p_staff
    AND s.ends_at > app.session_now() AND t.is_active
    AND u.organization_id = s.organization_id AND u.session_id = s.id AND u.pin_failures < 5
  RETURNING jsonb_build_object('sessionId', s.id, 'pinHash', p.pin_hash) INTO v_found;
  IF v_found IS NOT NULL THEN
    -- Into the audit log, like a password that is tried.
    UPDATE staff_account SET attempts = attempts + 1, attempted_at = app.session_now() WHERE organization_id = app.organization_id() AND staff_id = p_staff;
  END IF;
  RETURN v_found;
END $$;

-- ── a patient at a kiosk ─────────────────────────────────────────────────────────────────────────────────────────────

-- Hands the kiosk to the one patient who has exactly one visit of today at its location and whose name and birth date or phone these
-- are. The kiosk itself sees no patient; this function looks, and tells of one. A miss is counted under the lock of the device's row
-- and is in the audit log: five in a quarter of an hour, then the desk. What was open for the patient before ends either way.
-- p_asked: {givenName, familyName, birthDateIndex, phoneIndex, statuses, endsAt}
CREATE FUNCTION app.begin_check_in(p_session jsonb, p_asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz := (p_session ->> 'now')::timestamptz;
  v_device device%ROWTYPE;
  v_is_new_window boolean;
  v_visits appointment[];
BEGIN
  PERFORM app.enter(p_session || '{"patients": null}');
  SELECT * INTO v_device FROM device
  WHERE organization_id = app.organization_id() AND id = (p_session ->> 'actorId')::uuid AND kind = 'kiosk' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN jsonb_build_object('outcome', 'miss');
  END IF;
  PERFORM app.lock_device(v_device.id);
  v_is_new_window := coalesce(v_device.missed_since, '-infinity') <= v_now - interval '15 minutes';
  IF v_device.misses >= 5 AND NOT v_is_new_window THEN
    RETURN jsonb_build_object('outcome', 'wait', 'seconds', ceil(extract(epoch FROM v_device.missed_since + interval '15 minutes' - v_now)));
  END IF;

  SELECT array_agg(a) INTO v_visits
  FROM location l
  JOIN appointment a ON a.organization_id = l.organization_id AND a.location_id = l.id
    AND a.starts_at >= (v_now AT TIME ZONE l.time_zone)::date::timestamp AT TIME ZONE l.time_zone
    AND a.starts_at < ((v_now AT TIME ZONE l.time_zone)::date + 1)::timestamp AT TIME ZONE l.time_zone
  JOIN patient p ON p.organization_id = a.organization_id AND p.id = a.patient_id
  WHERE l.organization_id = v_device.organization_id AND l.id = v_device.location_id AND p_asked -> 'statuses' ? a.status AND p.is_active
    AND p.family_name_key = app.name_key(p_asked ->> 'familyName')
    AND app.name_key(p_asked ->> 'givenName') IN (p.given_name_key, app.name_key(p.preferred_name))
    AND (p_asked ->> 'birthDateIndex' IS NULL OR p.birth_date_index = decode(p_asked ->> 'birthDateIndex', 'hex'))
    AND (p_asked ->> 'phoneIndex' IS NULL OR p.phone_index = decode(p_asked ->> 'phoneIndex', 'hex'))
    AND coalesce(p_asked ->> 'birthDateIndex', p_asked ->> 'phoneIndex') IS NOT NULL;
  IF cardinality(v_visits) = 1 THEN
    INSERT INTO check_in (organization_id, device_id, appointment_id, patient_id, ends_at)
    VALUES (v_device.organization_id, v_device.id, v_visits[1].id, v_visits[1].patient_id, (p_asked ->> 'endsAt')::timestamptz);
    PERFORM app.log_access(ARRAY[v_visits[1].patient_id]);
    RETURN jsonb_build_object('outcome', 'found', 'startsAt', app.iso(v_visits[1].starts_at), 'status', v_visits[1].status);
  END IF;
  UPDATE device SET misses = CASE WHEN v_is_new_window THEN 1 ELSE misses + 1 END, missed_since = CASE WHEN v_is_new_window THEN v_now ELSE missed_since END
  WHERE organization_id = v_device.organization_id AND id = v_device.id;
  RETURN jsonb_build_object('outcome', 'miss');
END $$;

-- ── integrations ─────────────────────────────────────────────────────────────────────────────────────────────────────

-- What a secret opens, or null: no such key, revoked, past its end, or of somebody who left. The key names its organization, so this
-- sees no further than anybody. Being used is written down twice a minute at most.
CREATE FUNCTION app.find_api_key(p_session jsonb, p_secret_hash bytea) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz := (p_session ->> 'now')::timestamptz;
  v_key api_key%ROWTYPE;
BEGIN
  PERFORM app.enter(p_session);
  SELECT k.* INTO v_key
  FROM api_key k JOIN staff t ON t.organization_id = k.organization_id AND t.id = k.created_by
  WHERE k.organization_id = app.organization_id() AND k.secret_hash = p_secret_hash AND k.revoked_at IS NULL AND v_now < k.expires_at AND t.is_active;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  INSERT INTO api_key_use AS u (organization_id, key_id, seen_at) VALUES (v_key.organization_id, v_key.id, v_now)
  ON CONFLICT (organization_id, key_id) DO UPDATE SET seen_at = v_now WHERE u.seen_at <= v_now - interval '30 seconds';
  RETURN jsonb_build_object('id', v_key.id, 'makerRoles', app.roles_of(v_key.created_by), 'permissions', v_key.permissions,
    'locationIds', CASE WHEN NOT v_key.is_everywhere THEN to_jsonb(v_key.location_ids) END);
END $$;

-- Devices and keys are revoked and stay; PINs and check-ins go.
GRANT SELECT, INSERT ON device, device_use, check_in, api_key, api_key_use, staff_pin TO app_rw;
GRANT UPDATE (code_hash, code_expires_at, key_hash, revoked_at, misses, missed_since) ON device TO app_rw;
GRANT UPDATE (seen_at) ON device_use, api_key_use TO app_rw;
GRANT UPDATE (revoked_at) ON api_key TO app_rw;
GRANT UPDATE (pin_hash) ON staff_pin TO app_rw;
-- What is tried with a PIN is counted like what is tried with a password.
GRANT UPDATE (pin_set_at, attempts, attempted_at) ON staff_account TO app_rw;
GRANT UPDATE (token_hash) ON staff_session TO app_rw;
GRANT UPDATE (pin_failures) ON staff_session_use TO app_rw;
GRANT DELETE ON check_in, staff_pin TO app_rw;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
