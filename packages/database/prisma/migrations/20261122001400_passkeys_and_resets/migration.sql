-- Passkeys of staff, and links to a new password. The tables are as Prisma drafts them; below them stands what it cannot express.

-- AlterTable
ALTER TABLE "staff_secret" ADD COLUMN     "passkeys" SMALLINT NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "sign_in_guard" ADD COLUMN     "asked" SMALLINT NOT NULL DEFAULT 0,
ADD COLUMN     "asked_since" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "staff_passkey" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "staff_id" UUID NOT NULL,
    "credential_id" BYTEA NOT NULL,
    "public_key" BYTEA NOT NULL,
    "counter" BIGINT NOT NULL,
    "transports" TEXT[],
    "name" TEXT NOT NULL,
    "is_backed_up" BOOLEAN NOT NULL,
    "last_used_at" TIMESTAMPTZ(3),
    "regressed_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "staff_passkey_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "staff_reset" (
    "organization_id" UUID NOT NULL,
    "staff_id" UUID NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "staff_reset_pkey" PRIMARY KEY ("organization_id","staff_id")
);

-- CreateTable
CREATE TABLE "webauthn_challenge" (
    "challenge_hash" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "webauthn_challenge_pkey" PRIMARY KEY ("challenge_hash")
);

-- CreateIndex
CREATE INDEX "staff_passkey_organization_id_staff_id_idx" ON "staff_passkey"("organization_id", "staff_id");

-- CreateIndex
CREATE UNIQUE INDEX "staff_passkey_organization_id_credential_id_key" ON "staff_passkey"("organization_id", "credential_id");

-- CreateIndex
CREATE UNIQUE INDEX "staff_reset_organization_id_token_hash_key" ON "staff_reset"("organization_id", "token_hash");

-- CreateIndex
CREATE INDEX "webauthn_challenge_expires_at_idx" ON "webauthn_challenge"("expires_at");

-- AddForeignKey
ALTER TABLE "staff_passkey" ADD CONSTRAINT "staff_passkey_organization_id_staff_id_fkey" FOREIGN KEY ("organization_id", "staff_id") REFERENCES "staff_account"("organization_id", "staff_id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "staff_reset" ADD CONSTRAINT "staff_reset_organization_id_staff_id_fkey" FOREIGN KEY ("organization_id", "staff_id") REFERENCES "staff_account"("organization_id", "staff_id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- ── protection ───────────────────────────────────────────────────────────────────────────────────────────────────────

CALL app.protect('staff_passkey');
CALL app.protect('staff_reset');
CREATE POLICY no_patients ON staff_passkey AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);
CREATE POLICY no_patients ON staff_reset AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);

ALTER TABLE staff_passkey
  ADD CONSTRAINT staff_passkey_credential CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
  ADD CONSTRAINT staff_passkey_counter CHECK (counter >= 0);
ALTER TABLE staff_reset ADD CONSTRAINT staff_reset_token CHECK (octet_length(token_hash) = 32);
ALTER TABLE webauthn_challenge ADD CONSTRAINT webauthn_challenge_hash CHECK (octet_length(challenge_hash) = 32);
ALTER TABLE sign_in_guard ADD CONSTRAINT sign_in_guard_asked CHECK (asked BETWEEN 0 AND 3);

-- Passkeys are counted where the password stands, so that one row decides whether it stands alone (AUT-2), also between two that
-- remove one each. Nobody but the trigger writes the count.
ALTER TABLE staff_secret
  ADD CONSTRAINT staff_secret_passkeys CHECK (passkeys BETWEEN 0 AND 20),
  DROP CONSTRAINT staff_secret_short_not_alone,
  ADD CONSTRAINT staff_secret_short_not_alone CHECK (password_is_long OR totp_sealed IS NOT NULL OR passkeys > 0);
CREATE FUNCTION app.count_passkeys() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_row staff_passkey%ROWTYPE := coalesce(NEW, OLD);
BEGIN
  UPDATE staff_secret SET passkeys = passkeys + CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END
  WHERE organization_id = v_row.organization_id AND staff_id = v_row.staff_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'a passkey is of somebody who signs in' USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER count_passkeys AFTER INSERT OR DELETE ON staff_passkey FOR EACH ROW EXECUTE FUNCTION app.count_passkeys();

-- ── challenges ───────────────────────────────────────────────────────────────────────────────────────────────────────
-- Only by these, as the owner: a challenge is good once, and nobody sees which there are.

CREATE FUNCTION app.issue_challenge(p_session jsonb, p_hash bytea) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO webauthn_challenge (challenge_hash, expires_at) VALUES (p_hash, (p_session ->> 'now')::timestamptz + interval '5 minutes')
$$;

-- Uses it up, whatever comes of it; false when there is no such challenge, it was used, or its time is over.
CREATE FUNCTION app.use_challenge(p_session jsonb, p_hash bytea) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_expires_at timestamptz;
BEGIN
  DELETE FROM webauthn_challenge WHERE challenge_hash = p_hash RETURNING expires_at INTO v_expires_at;
  RETURN coalesce(v_expires_at > (p_session ->> 'now')::timestamptz, false);
END $$;

CREATE FUNCTION app.drop_past_challenges(p_session jsonb, p_limit integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_count bigint;
BEGIN
  DELETE FROM webauthn_challenge WHERE challenge_hash = ANY (ARRAY(
    SELECT challenge_hash FROM webauthn_challenge WHERE expires_at < now() LIMIT least(p_limit, 20000)));
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END $$;

-- A try to sign in with a known passkey: p_counter is what its device counted, or null when it proved nothing. It is in the audit
-- log either way. A count that does not rise comes of a copy: it is refused, and noted on the passkey. Devices that do not count
-- say 0 for ever.
CREATE FUNCTION app.try_passkey(p_session jsonb, p_id uuid, p_counter bigint) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_now timestamptz := (p_session ->> 'now')::timestamptz;
  v_staff uuid;
  v_counter bigint;
  v_rises boolean;
BEGIN
  PERFORM app.enter(p_session);
  SELECT staff_id, counter INTO v_staff, v_counter FROM staff_passkey WHERE organization_id = app.organization_id() AND id = p_id FOR UPDATE;
  UPDATE staff_account SET attempts = attempts + 1, attempted_at = v_now WHERE organization_id = app.organization_id() AND staff_id = v_staff;
  IF v_counter IS NULL OR p_counter IS NULL THEN
    RETURN false;
  END IF;
  v_rises := p_counter > v_counter OR (p_counter = 0 AND v_counter = 0);
  UPDATE staff_passkey
  SET counter = CASE WHEN v_rises THEN p_counter ELSE counter END,
      last_used_at = CASE WHEN v_rises THEN v_now ELSE last_used_at END,
      regressed_at = CASE WHEN v_rises THEN regressed_at ELSE v_now END
  WHERE organization_id = app.organization_id() AND id = p_id;
  RETURN v_rises;
END $$;

-- ── a new password ───────────────────────────────────────────────────────────────────────────────────────────────────

-- Asks for a link to a new password: three an hour for an address. It does the same for an address that nobody has: who has it is
-- found out by the job, so that neither the answer nor its time tells.
CREATE FUNCTION app.ask_reset(p_session jsonb, p_login bytea, p_organization uuid) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_now timestamptz := (p_session ->> 'now')::timestamptz;
  v_guard sign_in_guard%ROWTYPE;
BEGIN
  INSERT INTO sign_in_guard AS g (login_key, failures, asked, asked_since) VALUES (p_login, 0, 0, v_now)
  ON CONFLICT (login_key) DO UPDATE SET
    asked = CASE WHEN g.asked_since > v_now - interval '1 hour' THEN g.asked ELSE 0 END,
    asked_since = CASE WHEN g.asked_since > v_now - interval '1 hour' THEN g.asked_since ELSE v_now END
  RETURNING * INTO v_guard;
  IF v_guard.asked >= 3 THEN
    RETURN jsonb_build_object('outcome', 'wait', 'seconds', ceil(extract(epoch FROM v_guard.asked_since + interval '1 hour' - v_now)));
  END IF;
  UPDATE sign_in_guard SET asked = asked + 1 WHERE login_key = p_login;
  PERFORM graphile_worker.add_job('send-password-reset',
    json_build_object('organizationId', coalesce(p_organization, '00000000-0000-0000-0000-000000000000'), 'loginKey', encode(p_login, 'hex'), 'askedAt', app.iso(v_now)));
  RETURN jsonb_build_object('outcome', 'asked');
END $$;

-- Keeps the hash of a new link of the one person who has the address and works here, in place of an earlier one, for half an hour.
-- Null when there is none, or when people of several organizations have it and none is named.
CREATE FUNCTION app.begin_reset(p_session jsonb, p_login bytea, p_organization uuid, p_token_hash bytea) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_count bigint;
  v_organization uuid;
  v_staff uuid;
BEGIN
  PERFORM set_config('app.signing_in', 'on', true);
  SELECT count(*), min(organization_id::text)::uuid, min(staff_id::text)::uuid INTO v_count, v_organization, v_staff
  FROM staff_account WHERE login_key = p_login AND (p_organization IS NULL OR organization_id = p_organization);
  PERFORM set_config('app.signing_in', '', true);
  IF v_count <> 1 THEN
    RETURN NULL;
  END IF;
  PERFORM app.enter(p_session || jsonb_build_object('organizationId', v_organization));
  INSERT INTO staff_reset AS r (organization_id, staff_id, token_hash, expires_at)
  SELECT v_organization, s.id, p_token_hash, (p_session ->> 'now')::timestamptz + interval '30 minutes'
  FROM staff s WHERE s.organization_id = v_organization AND s.id = v_staff AND s.is_active
  ON CONFLICT (organization_id, staff_id) DO UPDATE SET token_hash = EXCLUDED.token_hash, expires_at = EXCLUDED.expires_at;
  RETURN CASE WHEN FOUND THEN jsonb_build_object('organizationId', v_organization, 'staffId', v_staff) END;
END $$;

-- Removes counters of addresses that nobody has, a day after the last attempt or link, at most p_limit; returns how many went.
CREATE FUNCTION app.drop_idle_guards(p_session jsonb, p_limit integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_count bigint;
BEGIN
  PERFORM app.enter(p_session);
  PERFORM set_config('app.signing_in', 'on', true);
  DELETE FROM sign_in_guard WHERE login_key = ANY (ARRAY(
    SELECT g.login_key FROM sign_in_guard g
    WHERE coalesce(greatest(g.failed_at, g.asked_since), '-infinity') < now() - interval '1 day' AND NOT EXISTS (SELECT FROM staff_account a WHERE a.login_key = substring(g.login_key FOR 16))
    LIMIT least(p_limit, 20000)));
  GET DIAGNOSTICS v_count = ROW_COUNT;
  PERFORM set_config('app.signing_in', '', true);
  RETURN v_count;
END $$;

-- ── while somebody is signed in ──────────────────────────────────────────────────────────────────────────────────────

GRANT SELECT, INSERT, DELETE ON staff_passkey TO app_rw;
GRANT UPDATE (name) ON staff_passkey TO app_rw;
GRANT SELECT, DELETE ON staff_reset TO app_rw;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
