-- How staff sign in, and that they are signed in. The tables are as Prisma drafts them; below them stands what it cannot express.

-- CreateTable
CREATE TABLE "staff_account" (
    "organization_id" UUID NOT NULL,
    "staff_id" UUID NOT NULL,
    "login_key" BYTEA,
    "password_changed_at" TIMESTAMPTZ(3) NOT NULL,
    "totp_begun_at" TIMESTAMPTZ(3),
    "second_factor_since" TIMESTAMPTZ(3),
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "attempted_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "staff_account_pkey" PRIMARY KEY ("organization_id","staff_id")
);

-- CreateTable
CREATE TABLE "staff_secret" (
    "organization_id" UUID NOT NULL,
    "staff_id" UUID NOT NULL,
    "password_hash" TEXT NOT NULL,
    "password_is_long" BOOLEAN NOT NULL,
    "totp_sealed" BYTEA,
    "totp_pending_sealed" BYTEA,
    "totp_last_step" BIGINT,

    CONSTRAINT "staff_secret_pkey" PRIMARY KEY ("organization_id","staff_id")
);

-- CreateTable
CREATE TABLE "staff_recovery_code" (
    "organization_id" UUID NOT NULL,
    "staff_id" UUID NOT NULL,
    "code_key" BYTEA NOT NULL,

    CONSTRAINT "staff_recovery_code_pkey" PRIMARY KEY ("organization_id","staff_id","code_key")
);

-- CreateTable
CREATE TABLE "staff_session" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "staff_id" UUID NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "device" TEXT NOT NULL,
    "idle_minutes" SMALLINT NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,
    "stepped_up_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "staff_session_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "staff_session_use" (
    "organization_id" UUID NOT NULL,
    "session_id" UUID NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "staff_session_use_pkey" PRIMARY KEY ("organization_id","session_id")
);

-- CreateTable
CREATE TABLE "sign_in_guard" (
    "login_key" BYTEA NOT NULL,
    "failures" SMALLINT NOT NULL,
    "failed_at" TIMESTAMPTZ(3),

    CONSTRAINT "sign_in_guard_pkey" PRIMARY KEY ("login_key")
);

-- CreateTable
CREATE TABLE "setup_code" (
    "code_hash" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "setup_code_pkey" PRIMARY KEY ("code_hash")
);

-- CreateIndex
CREATE INDEX "staff_account_login_key_idx" ON "staff_account"("login_key");

-- CreateIndex
CREATE UNIQUE INDEX "staff_account_organization_id_login_key_key" ON "staff_account"("organization_id", "login_key");

-- CreateIndex
CREATE INDEX "staff_session_organization_id_staff_id_idx" ON "staff_session"("organization_id", "staff_id");

-- CreateIndex
CREATE UNIQUE INDEX "staff_session_organization_id_token_hash_key" ON "staff_session"("organization_id", "token_hash");

-- AddForeignKey
ALTER TABLE "staff_account" ADD CONSTRAINT "staff_account_organization_id_staff_id_fkey" FOREIGN KEY ("organization_id", "staff_id") REFERENCES "staff"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "staff_secret" ADD CONSTRAINT "staff_secret_organization_id_staff_id_fkey" FOREIGN KEY ("organization_id", "staff_id") REFERENCES "staff_account"("organization_id", "staff_id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "staff_recovery_code" ADD CONSTRAINT "staff_recovery_code_organization_id_staff_id_fkey" FOREIGN KEY ("organization_id", "staff_id") REFERENCES "staff_account"("organization_id", "staff_id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "staff_session" ADD CONSTRAINT "staff_session_organization_id_staff_id_fkey" FOREIGN KEY ("organization_id", "staff_id") REFERENCES "staff_account"("organization_id", "staff_id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "staff_session_use" ADD CONSTRAINT "staff_session_use_organization_id_session_id_fkey" FOREIGN KEY ("organization_id", "session_id") REFERENCES "staff_session"("organization_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;

-- ── protection ───────────────────────────────────────────────────────────────────────────────────────────────────────

CALL app.protect('staff_account');
CALL app.protect('staff_recovery_code');
CALL app.protect('staff_session');
-- Not audited: each change of a secret comes with one of its account or with a new session, and being used changes nothing of one.
CALL app.protect('staff_secret', false);
CALL app.protect('staff_session_use', false);

ALTER TABLE staff_account ADD CONSTRAINT staff_account_login_key CHECK (octet_length(login_key) = 16);
ALTER TABLE staff_secret
  ADD CONSTRAINT staff_secret_hash CHECK (password_hash LIKE '$argon2id$v=19$%'),
  -- AUT-2: a password of fewer than 15 characters never stands alone.
  ADD CONSTRAINT staff_secret_short_not_alone CHECK (password_is_long OR totp_sealed IS NOT NULL);
ALTER TABLE staff_session
  ADD CONSTRAINT staff_session_token CHECK (octet_length(token_hash) = 32),
  ADD CONSTRAINT staff_session_limits CHECK (idle_minutes > 0 AND ends_at > created_at);
ALTER TABLE sign_in_guard ADD CONSTRAINT sign_in_guard_failures CHECK (failures BETWEEN 0 AND 100);
ALTER TABLE setup_code ADD CONSTRAINT setup_code_hash CHECK (octet_length(code_hash) = 32);

-- AUT-4: a code of a step works once, and none of an earlier step works after it.
CREATE FUNCTION app.refuse_used_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'that step is used up' USING ERRCODE = 'check_violation', CONSTRAINT = 'staff_secret_step_moves_on';
END $$;
CREATE TRIGGER step_moves_on BEFORE UPDATE OF totp_last_step ON staff_secret FOR EACH ROW
  WHEN (NEW.totp_last_step IS NULL OR NEW.totp_last_step <= OLD.totp_last_step) EXECUTE FUNCTION app.refuse_used_step();

-- ── before anybody is known ──────────────────────────────────────────────────────────────────────────────────────────
-- Who signs in names an e-mail address and no organization, so its accounts are looked for in all of them: as the owner, with a
-- policy of sight that holds inside of this one function. It takes one keyed hash, which nobody makes who has not the key, and
-- gives back two ids, no hash and no name. It cannot list, and it counts whoever asks.

CREATE POLICY sign_in ON staff_account FOR SELECT TO app_owner USING (current_setting('app.signing_in', true) = 'on');

-- AUT-3: how long the next password waits after so many wrong ones in a row.
CREATE FUNCTION app.sign_in_pause(p_failures integer) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
  SELECT make_interval(secs => CASE WHEN p_failures < 5 THEN 0 WHEN p_failures < 10 THEN 2 ^ (p_failures - 5) ELSE 900 END)
$$;

-- What wrong passwords are counted by: the address at the organization whose person it is there, so that whoever signs in with it
-- elsewhere opens nothing here; or the address alone where it is nobody's.
CREATE FUNCTION app.guard_key(p_login bytea, p_organization uuid) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT p_login || coalesce(uuid_send(p_organization), '')
$$;

-- Lets one password be tried for an address, or says that it must wait or is stopped for good. It counts as wrong from here until
-- it proves right: of many that come at once no more are tried than may be. An address that nobody has is counted alike, and one
-- that people of several organizations have belongs to nobody unless the organization is named. The attempt is in the audit log of
-- the organization.
CREATE FUNCTION app.begin_sign_in(p_session jsonb, p_login bytea, p_organization uuid) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_now timestamptz := (p_session ->> 'now')::timestamptz;
  v_key bytea;
  v_guard sign_in_guard%ROWTYPE;
  v_until timestamptz;
  v_count bigint;
  v_organization uuid;
  v_staff uuid;
BEGIN
  PERFORM set_config('app.signing_in', 'on', true);
  SELECT count(*), min(organization_id::text)::uuid, min(staff_id::text)::uuid INTO v_count, v_organization, v_staff
  FROM staff_account WHERE login_key = p_login AND (p_organization IS NULL OR organization_id = p_organization);
  PERFORM set_config('app.signing_in', '', true);

  v_key := app.guard_key(p_login, CASE WHEN v_count = 1 THEN v_organization END);
  INSERT INTO sign_in_guard AS g (login_key, failures) VALUES (v_key, 0)
  ON CONFLICT (login_key) DO UPDATE SET failures = g.failures RETURNING * INTO v_guard;
  v_until := v_guard.failed_at + app.sign_in_pause(v_guard.failures);
  IF v_guard.failures >= 100 THEN
    RETURN jsonb_build_object('outcome', 'stopped');
  ELSIF v_until > v_now THEN
    RETURN jsonb_build_object('outcome', 'wait', 'seconds', ceil(extract(epoch FROM v_until - v_now)));
  END IF;
  UPDATE sign_in_guard SET failures = failures + 1, failed_at = v_now WHERE login_key = v_key;
  IF v_count <> 1 THEN
    RETURN jsonb_build_object('outcome', 'try');
  END IF;
  PERFORM app.enter(p_session || jsonb_build_object('organizationId', v_organization));
  UPDATE staff_account SET attempts = attempts + 1, attempted_at = v_now WHERE organization_id = v_organization AND staff_id = v_staff;
  RETURN jsonb_build_object('outcome', 'try', 'organizationId', v_organization, 'staffId', v_staff);
END $$;

-- Takes one attempt back: the password was right, and the second factor is yet to come.
CREATE FUNCTION app.take_back_attempt(p_session jsonb, p_login bytea) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE sign_in_guard SET failures = greatest(failures - 1, 0) WHERE login_key = app.guard_key(p_login, (p_session ->> 'organizationId')::uuid)
$$;

-- Whoever proved who they are, in the organization of the session, begins to count anew.
CREATE FUNCTION app.forget_failures(p_login bytea) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE sign_in_guard SET failures = 0, failed_at = NULL WHERE login_key = app.guard_key(p_login, app.organization_id())
$$;

-- Whether there is such a setup code, before anything is worked out for it.
CREATE FUNCTION app.has_setup_code(p_hash bytea) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM setup_code WHERE code_hash = p_hash AND expires_at > app.session_now())
$$;

-- Uses up a setup code in the transaction of what it is for; false when there is no such code or its time is over.
CREATE FUNCTION app.use_setup_code(p_hash bytea) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  DELETE FROM setup_code WHERE code_hash = p_hash AND expires_at > app.session_now();
  RETURN FOUND;
END $$;

-- ── while somebody is signed in ──────────────────────────────────────────────────────────────────────────────────────

-- Secrets are replaced and accounts stay; sessions and used codes go. Nobody but the functions above sees guards and setup codes.
GRANT SELECT, INSERT ON staff_account, staff_secret, staff_recovery_code, staff_session, staff_session_use TO app_rw;
GRANT UPDATE (login_key, password_changed_at, totp_begun_at, second_factor_since) ON staff_account TO app_rw;
GRANT UPDATE (password_hash, password_is_long, totp_sealed, totp_pending_sealed, totp_last_step) ON staff_secret TO app_rw;
GRANT UPDATE (stepped_up_at) ON staff_session TO app_rw;
GRANT UPDATE (seen_at) ON staff_session_use TO app_rw;
GRANT DELETE ON staff_recovery_code, staff_session TO app_rw;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
