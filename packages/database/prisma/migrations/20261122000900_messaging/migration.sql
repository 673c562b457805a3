-- What is said to patients. The tables are as Prisma drafts them; below them stands what it cannot express.

-- CreateTable
CREATE TABLE "message_template" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "channel" TEXT NOT NULL,
    "revision" INTEGER NOT NULL,
    "title" TEXT,
    "body" TEXT NOT NULL,
    "is_active" BOOLEAN NOT NULL DEFAULT true,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "message_template_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "message" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "channel" TEXT NOT NULL,
    "patient_id" UUID NOT NULL,
    "location_id" UUID NOT NULL,
    "about_id" UUID NOT NULL,
    "details" JSONB NOT NULL,
    "is_urgent" BOOLEAN NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'queued',
    "reason" TEXT,
    "send_after" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "attempts" SMALLINT NOT NULL DEFAULT 0,
    "template_id" UUID,
    "address_sealed" BYTEA,
    "address_index" BYTEA,
    "title_sealed" BYTEA,
    "body_sealed" BYTEA,
    "provider" TEXT,
    "provider_id" TEXT,
    "provider_status" TEXT,
    "sending_at" TIMESTAMPTZ(3),
    "sent_at" TIMESTAMPTZ(3),
    "is_withdrawn" BOOLEAN NOT NULL DEFAULT false,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "message_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "message_consent" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "channel" TEXT NOT NULL,
    "address_sealed" BYTEA NOT NULL,
    "address_index" BYTEA NOT NULL,
    "purpose" TEXT NOT NULL,
    "is_granted" BOOLEAN NOT NULL,
    "source" TEXT NOT NULL,
    "evidence" TEXT,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "message_consent_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "message_policy" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "revision" INTEGER NOT NULL,
    "quiet_from" TIME(0) NOT NULL,
    "quiet_until" TIME(0) NOT NULL,
    "forbidden_words" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "message_policy_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateIndex
CREATE UNIQUE INDEX "message_template_organization_id_kind_channel_revision_key" ON "message_template"("organization_id", "kind", "channel", "revision");

-- CreateIndex
CREATE INDEX "message_organization_id_patient_id_id_idx" ON "message"("organization_id", "patient_id", "id");

-- CreateIndex
CREATE INDEX "message_organization_id_about_id_idx" ON "message"("organization_id", "about_id");

-- CreateIndex
CREATE UNIQUE INDEX "message_organization_id_key_key" ON "message"("organization_id", "key");

-- CreateIndex
CREATE UNIQUE INDEX "message_organization_id_provider_provider_id_key" ON "message"("organization_id", "provider", "provider_id");

-- CreateIndex
CREATE INDEX "message_consent_organization_id_channel_address_index_purpo_idx" ON "message_consent"("organization_id", "channel", "address_index", "purpose", "at");

-- CreateIndex
CREATE UNIQUE INDEX "message_consent_organization_id_evidence_purpose_key" ON "message_consent"("organization_id", "evidence", "purpose");

-- CreateIndex
CREATE UNIQUE INDEX "message_policy_organization_id_revision_key" ON "message_policy"("organization_id", "revision");

-- AddForeignKey
ALTER TABLE "message_template" ADD CONSTRAINT "message_template_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "message" ADD CONSTRAINT "message_organization_id_patient_id_fkey" FOREIGN KEY ("organization_id", "patient_id") REFERENCES "patient"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "message" ADD CONSTRAINT "message_organization_id_location_id_fkey" FOREIGN KEY ("organization_id", "location_id") REFERENCES "location"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "message" ADD CONSTRAINT "message_organization_id_template_id_fkey" FOREIGN KEY ("organization_id", "template_id") REFERENCES "message_template"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "message_consent" ADD CONSTRAINT "message_consent_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "message_policy" ADD CONSTRAINT "message_policy_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- ── what cannot happen ───────────────────────────────────────────────────────────────────────────────────────────────

ALTER TABLE message_template
  ADD CONSTRAINT message_template_channel CHECK (channel IN ('email', 'sms')),
  ADD CONSTRAINT message_template_title_of_email CHECK ((channel = 'email') = (title IS NOT NULL)),
  ADD CONSTRAINT message_template_revision CHECK (revision > 0);
-- M5: one revision of a template is active.
CREATE UNIQUE INDEX message_template_one_active ON message_template (organization_id, kind, channel) WHERE is_active;

ALTER TABLE message
  ADD CONSTRAINT message_channel CHECK (channel IN ('email', 'sms')),
  ADD CONSTRAINT message_purpose CHECK (purpose IN ('transactional', 'marketing')),
  ADD CONSTRAINT message_state CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'suppressed')),
  ADD CONSTRAINT message_end_has_reason CHECK (state NOT IN ('failed', 'suppressed') OR reason IS NOT NULL),
  ADD CONSTRAINT message_sending_says_what CHECK (
    state NOT IN ('sending', 'sent') OR (num_nulls(template_id, address_sealed, address_index, body_sealed, provider, sending_at) = 0 AND attempts > 0)),
  ADD CONSTRAINT message_sent_has_proof CHECK ((state = 'sent') = (sent_at IS NOT NULL) AND (state <> 'sent' OR provider_id IS NOT NULL)),
  ADD CONSTRAINT message_expires_after_due CHECK (expires_at > send_after);
ALTER TABLE message_consent
  ADD CONSTRAINT message_consent_channel CHECK (channel IN ('email', 'sms')),
  ADD CONSTRAINT message_consent_purpose CHECK (purpose IN ('transactional', 'marketing')),
  ADD CONSTRAINT message_consent_source CHECK (source IN ('patient', 'staff', 'keyword', 'provider'));
ALTER TABLE message_policy
  ADD CONSTRAINT message_policy_revision CHECK (revision > 0);

-- M2: what was sent, refused or withheld stays so. A provider's word that it has the message ends it wherever it stands.
CREATE FUNCTION app.message_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
    ('queued', 'sending'), ('queued', 'suppressed'), ('queued', 'sent'),
    ('sending', 'sent'), ('sending', 'queued'), ('sending', 'failed'), ('sending', 'suppressed')) THEN
    RAISE EXCEPTION 'a message goes from % to no %', OLD.state, NEW.state USING ERRCODE = 'check_violation', CONSTRAINT = 'message_state_steps';
  END IF;
  IF OLD.state NOT IN ('queued', 'sending') AND (NEW.body_sealed, NEW.title_sealed, NEW.address_sealed, NEW.provider_id, NEW.sent_at, NEW.reason)
    IS DISTINCT FROM (OLD.body_sealed, OLD.title_sealed, OLD.address_sealed, OLD.provider_id, OLD.sent_at, OLD.reason) AND NOT app.is_resealing() THEN
    RAISE EXCEPTION 'a message that has ended says what it said' USING ERRCODE = 'check_violation', CONSTRAINT = 'message_state_steps';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER message_steps BEFORE UPDATE ON message FOR EACH ROW EXECUTE FUNCTION app.message_steps();

CALL app.protect('message_template');
CALL app.protect('message');
CALL app.protect('message_consent');
CALL app.protect('message_policy');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON message_consent FOR EACH STATEMENT EXECUTE FUNCTION app.append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON message_policy FOR EACH STATEMENT EXECUTE FUNCTION app.append_only();

GRANT SELECT, INSERT ON message_template, message, message_consent, message_policy TO app_rw;
GRANT UPDATE (is_active) ON message_template TO app_rw;
GRANT UPDATE (state, reason, send_after, attempts, template_id, address_sealed, address_index, title_sealed, body_sealed, provider, provider_id, provider_status,
  sending_at, sent_at, is_withdrawn, version) ON message TO app_rw;

-- ── queueing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

-- A version 7 uuid, which PostgreSQL 17 does not make by itself: ids rise with time.
CREATE FUNCTION app.new_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- One job a message, re-timed by adding it again.
CREATE FUNCTION app.time_message(p_id uuid, p_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM graphile_worker.add_job('send-message', json_build_object('organizationId', app.organization_id(), 'messageId', p_id),
    run_at := p_at, job_key := 'message:' || p_id);
END $$;

-- Queues a message on every channel for which the organization has words of this kind, or on the one that is named, in the
-- transaction of the caller. The same key again queues nothing.
-- p_message: {key, kind, purpose, channel?, patientId, locationId, aboutId, details, isUrgent, sendAfter, expiresAt}
CREATE FUNCTION app.queue_message(p_message jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_id uuid;
BEGIN
  FOR v_id IN
    INSERT INTO message (organization_id, id, key, kind, purpose, channel, patient_id, location_id, about_id, details, is_urgent, send_after, expires_at, created_at)
    SELECT t.organization_id, app.new_id(), (p_message ->> 'key') || ':' || t.channel, t.kind, p_message ->> 'purpose', t.channel, (p_message ->> 'patientId')::uuid,
      (p_message ->> 'locationId')::uuid, (p_message ->> 'aboutId')::uuid, p_message -> 'details', (p_message ->> 'isUrgent')::boolean,
      (p_message ->> 'sendAfter')::timestamptz, (p_message ->> 'expiresAt')::timestamptz, app.session_now()
    FROM message_template t
    WHERE t.organization_id = app.organization_id() AND t.kind = p_message ->> 'kind' AND t.is_active AND t.channel = coalesce(p_message ->> 'channel', t.channel)
    ORDER BY t.channel
    ON CONFLICT (organization_id, key) DO NOTHING RETURNING id
  LOOP
    PERFORM app.time_message(v_id, (p_message ->> 'sendAfter')::timestamptz);
  END LOOP;
END $$;

-- Withholds what waits about something that is no longer so. What is on its way cannot be called back, but is not tried again.
CREATE FUNCTION app.withdraw_messages(p_about uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_id uuid;
BEGIN
  FOR v_id IN
    UPDATE message SET state = 'suppressed', reason = 'withdrawn', version = version + 1
    WHERE organization_id = app.organization_id() AND about_id = p_about AND state = 'queued' RETURNING id
  LOOP
    PERFORM graphile_worker.remove_job('message:' || v_id);
  END LOOP;
  UPDATE message SET is_withdrawn = true, version = version + 1
  WHERE organization_id = app.organization_id() AND about_id = p_about AND state = 'sending' AND NOT is_withdrawn;
END $$;

-- ── consent ──────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Whether an address may be written to now. Who gave it for their visits has agreed to be told of them; marketing needs a yes.
CREATE FUNCTION app.has_consent(p_channel text, p_address bytea, p_purpose text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce((
    SELECT c.is_granted FROM message_consent c
    WHERE c.organization_id = (SELECT app.organization_id()) AND c.channel = p_channel AND c.address_index = p_address AND c.purpose = p_purpose
    ORDER BY c.at DESC, c.id DESC LIMIT 1), p_purpose = 'transactional')
$$;

-- ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────

-- The last look before a message leaves: takes it to `sending` with what will be said, or withholds it, or says that somebody
-- else has it. M3: who died, is inactive or said stop gets nothing, decided here and not when it was queued.
-- p_claim: {messageId, version, patientVersion, templateId, addressSealed, addressIndex, titleSealed, bodySealed (hex), provider}
CREATE FUNCTION app.claim_message(p_session jsonb, p_claim jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_message message%ROWTYPE;
  v_patient_version integer;
  v_reason text;
BEGIN
  PERFORM app.enter(p_session);
  SELECT * INTO v_message FROM message WHERE organization_id = app.organization_id() AND id = (p_claim ->> 'messageId')::uuid FOR NO KEY UPDATE;
  IF v_message.version IS DISTINCT FROM (p_claim ->> 'version')::int OR v_message.state <> 'queued' THEN
    RETURN jsonb_build_object('outcome', 'moved-on');
  END IF;
  -- Held until commit, so that a change of the patient comes before this or after it.
  SELECT CASE WHEN NOT p.is_active OR p.deceased_on IS NOT NULL THEN 'patient-inactive' END, p.version INTO v_reason, v_patient_version
  FROM patient p WHERE p.organization_id = v_message.organization_id AND p.id = v_message.patient_id FOR SHARE;
  -- The address was read before: it may be another one now.
  IF v_reason IS NULL AND v_patient_version <> (p_claim ->> 'patientVersion')::int THEN
    RETURN jsonb_build_object('outcome', 'moved-on');
  END IF;
  -- One order among those who send to an address and those who record what it wants.
  PERFORM app.lock_address(v_message.channel, decode(p_claim ->> 'addressIndex', 'hex'));
  IF v_reason IS NULL AND NOT app.has_consent(v_message.channel, decode(p_claim ->> 'addressIndex', 'hex'), v_message.purpose) THEN
    v_reason := 'opted-out';
  END IF;
  IF v_reason IS NOT NULL THEN
    UPDATE message SET state = 'suppressed', reason = v_reason, version = version + 1 WHERE organization_id = v_message.organization_id AND id = v_message.id;
    RETURN jsonb_build_object('outcome', 'suppressed');
  END IF;
  UPDATE message SET state = 'sending', reason = NULL, attempts = attempts + 1, sending_at = app.session_now(), provider = p_claim ->> 'provider',
    template_id = (p_claim ->> 'templateId')::uuid, address_sealed = decode(p_claim ->> 'addressSealed', 'hex'), address_index = decode(p_claim ->> 'addressIndex', 'hex'),
    title_sealed = decode(p_claim ->> 'titleSealed', 'hex'), body_sealed = decode(p_claim ->> 'bodySealed', 'hex'), version = version + 1
  WHERE organization_id = v_message.organization_id AND id = v_message.id;
  RETURN jsonb_build_object('outcome', 'claimed', 'attempt', v_message.attempts + 1);
END $$;

CREATE FUNCTION app.lock_address(p_channel text, p_address bytea) RETURNS void LANGUAGE sql AS $$
  SELECT pg_advisory_xact_lock(hashtextextended(concat_ws('|', app.organization_id(), p_channel, encode(p_address, 'hex')), 3))
$$;

-- Takes over a message whose sender went silent, so that one worker alone finds out what became of it.
CREATE FUNCTION app.take_over_message(p_session jsonb, p_id uuid, p_silent_since timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_attempt integer;
BEGIN
  PERFORM app.enter(p_session);
  UPDATE message SET attempts = attempts + 1, sending_at = app.session_now(), version = version + 1
  WHERE organization_id = app.organization_id() AND id = p_id AND state = 'sending' AND sending_at <= p_silent_since
  RETURNING attempts INTO v_attempt;
  RETURN v_attempt;
END $$;

-- Has the message looked at again: whoever holds it may never come back.
CREATE FUNCTION app.look_again(p_session jsonb, p_id uuid, p_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM app.enter(p_session);
  PERFORM app.time_message(p_id, p_at);
END $$;

-- Writes down how an attempt ended; nothing when another one has taken over. Back to `queued` only where the provider is known
-- not to have it, or cannot be asked, and never where it was withdrawn meanwhile.
-- p_end: {messageId, attempt (null for one that was never claimed), state, reason, providerId, sendAfter}
CREATE FUNCTION app.end_attempt(p_session jsonb, p_end jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_message message%ROWTYPE;
  v_at timestamptz := (p_end ->> 'sendAfter')::timestamptz;
BEGIN
  PERFORM app.enter(p_session);
  UPDATE message SET state = CASE WHEN is_withdrawn AND p_end ->> 'state' = 'queued' THEN 'suppressed' ELSE p_end ->> 'state' END,
    reason = CASE WHEN is_withdrawn AND p_end ->> 'state' = 'queued' THEN 'withdrawn' ELSE p_end ->> 'reason' END, version = version + 1, send_after = coalesce(v_at, send_after),
    provider_id = coalesce(p_end ->> 'providerId', provider_id), sent_at = CASE WHEN p_end ->> 'state' = 'sent' THEN app.session_now() END
  WHERE organization_id = app.organization_id() AND id = (p_end ->> 'messageId')::uuid
    AND CASE WHEN p_end ->> 'attempt' IS NULL THEN state = 'queued' ELSE state = 'sending' AND attempts = (p_end ->> 'attempt')::int END
  RETURNING * INTO v_message;
  IF v_message.state = 'queued' THEN
    PERFORM app.time_message(v_message.id, v_at);
  END IF;
  RETURN v_message.id IS NOT NULL;
END $$;

-- A provider's own report. It may come twice, late, out of order, and before the sender has written down that it sent.
-- p_report: {messageId, providerId, status}
CREATE FUNCTION app.report_message(p_session jsonb, p_report jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_message message%ROWTYPE;
  v_ranks text[] := ARRAY['queued', 'sending', 'sent', 'delivered', 'undelivered', 'failed'];
BEGIN
  PERFORM app.enter(p_session);
  SELECT * INTO v_message FROM message WHERE organization_id = app.organization_id() AND id = (p_report ->> 'messageId')::uuid FOR NO KEY UPDATE;
  IF NOT FOUND OR v_message.body_sealed IS NULL THEN
    RETURN 'unknown';
  ELSIF v_message.state IN ('queued', 'sending') THEN
    UPDATE message SET state = 'sent', reason = NULL, provider_id = p_report ->> 'providerId', provider_status = p_report ->> 'status', sent_at = app.session_now(), version = version + 1
    WHERE organization_id = v_message.organization_id AND id = v_message.id;
    PERFORM graphile_worker.remove_job('message:' || v_message.id);
    RETURN 'done';
  ELSIF v_message.provider_id IS DISTINCT FROM p_report ->> 'providerId' THEN
    RETURN 'unknown';
  ELSIF coalesce(array_position(v_ranks, p_report ->> 'status'), 0) <= coalesce(array_position(v_ranks, v_message.provider_status), 0) THEN
    RETURN 'known';
  END IF;
  UPDATE message SET provider_status = p_report ->> 'status', version = version + 1 WHERE organization_id = v_message.organization_id AND id = v_message.id;
  RETURN 'done';
END $$;

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
