-- Breaking the glass (HIP-3): somebody reads one patient's record for an hour, says why, and is reviewed. The table is as Prisma
-- drafts it; below it stands what it cannot express.

-- CreateTable
CREATE TABLE "emergency_access" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "staff_id" UUID NOT NULL,
    "patient_id" UUID NOT NULL,
    "reason_sealed" BYTEA NOT NULL,
    "begins_at" TIMESTAMPTZ(3) NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,
    "review_due_at" TIMESTAMPTZ(3) NOT NULL,
    "reviewed_at" TIMESTAMPTZ(3),
    "reviewed_by_id" UUID,
    "outcome" TEXT,
    "review_note_sealed" BYTEA,

    CONSTRAINT "emergency_access_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateIndex
CREATE INDEX "emergency_access_organization_id_patient_id_idx" ON "emergency_access"("organization_id", "patient_id");

-- CreateIndex
CREATE INDEX "emergency_access_organization_id_reviewed_by_id_idx" ON "emergency_access"("organization_id", "reviewed_by_id");

-- AddForeignKey
ALTER TABLE "emergency_access" ADD CONSTRAINT "emergency_access_organization_id_staff_id_fkey" FOREIGN KEY ("organization_id", "staff_id") REFERENCES "staff"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "emergency_access" ADD CONSTRAINT "emergency_access_organization_id_patient_id_fkey" FOREIGN KEY ("organization_id", "patient_id") REFERENCES "patient"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "emergency_access" ADD CONSTRAINT "emergency_access_organization_id_reviewed_by_id_fkey" FOREIGN KEY ("organization_id", "reviewed_by_id") REFERENCES "staff"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- ── protection ───────────────────────────────────────────────────────────────────────────────────────────────────────

CALL app.protect('emergency_access');
CALL app.confine('emergency_access', 'patients', 'patient_id = ANY ((SELECT app.patients())::uuid[])');

ALTER TABLE emergency_access
  ADD CONSTRAINT emergency_access_one_hour CHECK (ends_at = begins_at + interval '60 minutes'),
  ADD CONSTRAINT emergency_access_review_due CHECK (review_due_at = begins_at + interval '72 hours'),
  ADD CONSTRAINT emergency_access_review_whole CHECK (num_nonnulls(reviewed_at, reviewed_by_id, outcome, review_note_sealed) IN (0, 4)),
  ADD CONSTRAINT emergency_access_outcome CHECK (outcome IN ('justified', 'not-justified')),
  ADD CONSTRAINT emergency_access_review_of_others CHECK (reviewed_by_id <> staff_id),
  ADD CONSTRAINT emergency_access_review_after CHECK (reviewed_at >= begins_at),
  ADD CONSTRAINT emergency_access_one_open EXCLUDE USING gist
    (organization_id WITH =, staff_id WITH =, patient_id WITH =, tstzrange(begins_at, ends_at) WITH &&);

-- Nothing of it changes but its review, once. Sealing anew leaves what a row says as it is.
CREATE FUNCTION app.review_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_review text[] := CASE WHEN OLD.reviewed_at IS NULL THEN ARRAY['reviewed_at', 'reviewed_by_id', 'outcome', 'review_note_sealed'] ELSE '{}' END;
  v_sealed text[] := CASE WHEN app.is_resealing() THEN ARRAY['reason_sealed', 'review_note_sealed'] ELSE '{}' END;
BEGIN
  IF to_jsonb(NEW) - v_review - v_sealed <> to_jsonb(OLD) - v_review - v_sealed THEN
    RAISE EXCEPTION 'an emergency access is reviewed once, and nothing else of it changes' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER review_once BEFORE UPDATE ON emergency_access FOR EACH ROW EXECUTE FUNCTION app.review_once();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON emergency_access FOR EACH STATEMENT EXECUTE FUNCTION app.append_only();

-- ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Whose session a request comes in, whether they treat patients, and whose record is open to them. Looks at the session, the person and
-- the access, and at no role: it stands when who may do what cannot be found out. By itself and beside find_staff_session for that.
CREATE FUNCTION app.find_in_emergency(p_session jsonb, p_token_hash bytea, p_access uuid, p_is_use boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_organization uuid := (p_session ->> 'organizationId')::uuid;
  v_now timestamptz := (p_session ->> 'now')::timestamptz;
  v_found record;
BEGIN
  PERFORM app.enter(p_session);
  SELECT * INTO v_found FROM app.use_staff_session(p_token_hash, v_now, p_is_use);
  IF v_found.id IS NULL THEN
    RETURN NULL;
  END IF;
  RETURN jsonb_build_object('id', v_found.id, 'staffId', v_found.staff_id, 'steppedUpAt', app.iso(v_found.stepped_up_at),
    'hasSecondFactor', v_found.has_second_factor,
    'treatsPatients', EXISTS (SELECT FROM provider p WHERE p.organization_id = v_organization AND p.staff_id = v_found.staff_id AND p.is_active),
    'patientId', (
      SELECT e.patient_id FROM emergency_access e
      WHERE e.organization_id = v_organization AND e.id = p_access AND e.staff_id = v_found.staff_id AND v_now >= e.begins_at AND v_now < e.ends_at));
END $$;

-- Who was shown a patient, the latest first, before the access that p_before_at and p_before_id name, with the emergency access under
-- which they were; null when there is no such patient. A look at it is itself an access.
CREATE FUNCTION app.patient_accesses(p_session jsonb, p_patient uuid, p_before_at timestamptz, p_before_id bigint, p_limit integer) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_organization uuid := (p_session ->> 'organizationId')::uuid;
  v_accesses jsonb;
BEGIN
  PERFORM app.enter(p_session);
  IF NOT EXISTS (SELECT FROM patient WHERE organization_id = v_organization AND id = p_patient) THEN
    RETURN NULL;
  END IF;
  SELECT coalesce(jsonb_agg(jsonb_build_object('at', app.iso(a.at), 'actorKind', a.actor_kind, 'actorId', a.actor_id,
      'actorName', s.given_name || ' ' || s.family_name, 'action', a.action, 'reason', a.reason, 'emergencyAccessId', e.id, 'requestId', a.request_id,
      'cursor', (extract(epoch FROM a.at) * 1000)::bigint || '-' || a.id) ORDER BY a.at DESC, a.id DESC), '[]') INTO v_accesses
  FROM (
    SELECT * FROM access_log l
    WHERE l.organization_id = v_organization AND p_patient = ANY (l.patient_ids) AND (l.at, l.id) < (coalesce(p_before_at, 'infinity'), coalesce(p_before_id, 0))
    ORDER BY l.at DESC, l.id DESC LIMIT p_limit) a
  LEFT JOIN staff s ON s.organization_id = v_organization AND s.id = a.actor_id
  LEFT JOIN emergency_access e ON e.organization_id = v_organization AND e.patient_id = p_patient AND e.staff_id = a.actor_id AND e.id::text = a.reason;
  PERFORM app.log_access(ARRAY[p_patient]);
  RETURN v_accesses;
END $$;

-- How many reviews are overdue, in all organizations, by the server's clock.
CREATE POLICY upkeep ON emergency_access FOR SELECT TO app_owner USING (current_setting('app.upkeep', true) = 'on');
CREATE FUNCTION app.count_overdue_reviews(p_session jsonb) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_count bigint;
BEGIN
  PERFORM app.enter(p_session);
  PERFORM set_config('app.upkeep', 'on', true);
  SELECT count(*) INTO v_count FROM emergency_access WHERE reviewed_at IS NULL AND review_due_at < least(app.session_now(), now());
  PERFORM set_config('app.upkeep', '', true);
  RETURN v_count;
END $$;

GRANT SELECT, INSERT ON emergency_access TO app_rw;
GRANT UPDATE (reviewed_at, reviewed_by_id, outcome, review_note_sealed) ON emergency_access TO app_rw;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
