-- Who somebody is to an identity provider. The table is as Prisma drafts it; below it stands what it cannot express.

-- CreateTable
CREATE TABLE "staff_identity" (
    "organization_id" UUID NOT NULL,
    "staff_id" UUID NOT NULL,
    "issuer" TEXT NOT NULL,
    "subject_key" BYTEA NOT NULL,
    "bound_at" TIMESTAMPTZ(3) NOT NULL,
    "second_factor_at" TIMESTAMPTZ(3),

    CONSTRAINT "staff_identity_pkey" PRIMARY KEY ("organization_id","staff_id","issuer")
);

-- AlterTable
ALTER TABLE "staff_session" ADD COLUMN     "is_by_providers_factor" BOOLEAN NOT NULL DEFAULT false;

-- CreateIndex
CREATE INDEX "staff_identity_subject_key_idx" ON "staff_identity"("subject_key");

-- CreateIndex
CREATE UNIQUE INDEX "staff_identity_organization_id_subject_key_key" ON "staff_identity"("organization_id", "subject_key");

-- AddForeignKey
ALTER TABLE "staff_identity" ADD CONSTRAINT "staff_identity_organization_id_staff_id_fkey" FOREIGN KEY ("organization_id", "staff_id") REFERENCES "staff_account"("organization_id", "staff_id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- ── protection ───────────────────────────────────────────────────────────────────────────────────────────────────────

CALL app.protect('staff_identity');
CREATE POLICY no_patients ON staff_identity AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);
ALTER TABLE staff_identity ADD CONSTRAINT staff_identity_subject CHECK (octet_length(subject_key) = 16);

-- As with passwords, who signs in has not said where: one function looks in all organizations, as the owner, with a policy of sight
-- that holds inside of it. It takes keyed hashes, which nobody makes who has not the key, and gives back two ids.
CREATE POLICY sign_in ON staff_identity FOR SELECT TO app_owner USING (current_setting('app.signing_in', true) = 'on');

-- Whom an identity provider means: the person who is bound to the subject, or else the one person with that address whom nobody of
-- this provider is bound to. Null when there is none, or several in organizations of which none is named. The attempt is in the
-- audit log of the organization.
CREATE FUNCTION app.find_federated(p_session jsonb, p_issuer text, p_subject bytea, p_login bytea, p_organization uuid) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_count bigint;
  v_organization uuid;
  v_staff uuid;
  v_is_bound boolean := true;
BEGIN
  PERFORM set_config('app.signing_in', 'on', true);
  SELECT count(*), min(organization_id::text)::uuid, min(staff_id::text)::uuid INTO v_count, v_organization, v_staff
  FROM staff_identity WHERE subject_key = p_subject AND issuer = p_issuer AND (p_organization IS NULL OR organization_id = p_organization);
  IF v_count = 0 THEN
    v_is_bound := false;
    SELECT count(*), min(a.organization_id::text)::uuid, min(a.staff_id::text)::uuid INTO v_count, v_organization, v_staff
    FROM staff_account a
    WHERE a.login_key = p_login AND (p_organization IS NULL OR a.organization_id = p_organization)
      AND NOT EXISTS (SELECT FROM staff_identity i WHERE i.organization_id = a.organization_id AND i.staff_id = a.staff_id AND i.issuer = p_issuer);
  END IF;
  PERFORM set_config('app.signing_in', '', true);
  IF v_count <> 1 THEN
    RETURN NULL;
  END IF;
  PERFORM app.enter(p_session || jsonb_build_object('organizationId', v_organization));
  UPDATE staff_account SET attempts = attempts + 1, attempted_at = (p_session ->> 'now')::timestamptz
  WHERE organization_id = v_organization AND staff_id = v_staff;
  RETURN jsonb_build_object('organizationId', v_organization, 'staffId', v_staff, 'isBound', v_is_bound);
END $$;

-- ── while somebody is signed in ──────────────────────────────────────────────────────────────────────────────────────

-- The session that a token is of, and whether its person has a second factor (HIP-8), one that their provider asked for and that counts
-- included; null when there is no such session, it was idle for too long, is past its end, or of somebody who left. Being used is
-- written down twice a minute at most. Looks at no role: whoever may do what cannot be found out is signed in still.
CREATE FUNCTION app.use_staff_session(p_token_hash bytea, p_now timestamptz, OUT id uuid, OUT staff_id uuid, OUT stepped_up_at timestamptz, OUT has_second_factor boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_seen_at timestamptz;
BEGIN
  SELECT s.id, s.staff_id, s.stepped_up_at, f.totp_sealed IS NOT NULL OR f.passkeys > 0 OR s.is_by_providers_factor, u.seen_at
  INTO id, staff_id, stepped_up_at, has_second_factor, v_seen_at
  FROM staff_session s
  JOIN staff_session_use u ON u.organization_id = s.organization_id AND u.session_id = s.id
  JOIN staff p ON p.organization_id = s.organization_id AND p.id = s.staff_id
  JOIN staff_secret f ON f.organization_id = s.organization_id AND f.staff_id = s.staff_id
  WHERE s.organization_id = app.organization_id() AND s.token_hash = p_token_hash AND p.is_active
    AND p_now < s.ends_at AND p_now < u.seen_at + make_interval(mins => s.idle_minutes);
  IF p_now >= v_seen_at + interval '30 seconds' THEN
    UPDATE staff_session_use u SET seen_at = p_now WHERE u.organization_id = app.organization_id() AND u.session_id = use_staff_session.id AND u.seen_at < p_now;
  END IF;
END $$;

-- Whose session a token is of and what their roles are, or null. The cookie names its organization, so this sees no further than
-- anybody. HIP-2: what is given and taken holds from the next request on.
CREATE FUNCTION app.find_staff_session(p_session jsonb, p_token_hash bytea) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_found record;
BEGIN
  PERFORM app.enter(p_session);
  SELECT * INTO v_found FROM app.use_staff_session(p_token_hash, (p_session ->> 'now')::timestamptz);
  IF v_found.id IS NULL THEN
    RETURN NULL;
  END IF;
  RETURN jsonb_build_object('id', v_found.id, 'staffId', v_found.staff_id, 'steppedUpAt', app.iso(v_found.stepped_up_at), 'hasSecondFactor', v_found.has_second_factor,
    'roles', app.roles_of(v_found.staff_id));
END $$;

-- Bound once; another one takes the operator.
GRANT SELECT, INSERT ON staff_identity TO app_rw;
GRANT UPDATE (second_factor_at) ON staff_identity TO app_rw;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
