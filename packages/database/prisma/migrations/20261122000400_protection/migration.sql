-- Every tenant table: rows of the session's organization only (also for the owner), versions that rise by one, an audit
-- row for each write. A later table gets all of it with one line: CALL app.protect('its_name').

-- A changed row carries the next version, so a stale writer cannot overwrite silently.
CREATE FUNCTION app.step_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version <> OLD.version + 1 AND NOT app.is_resealing() THEN
    RAISE EXCEPTION '% changes with its version', TG_TABLE_NAME USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_version_steps';
  END IF;
  RETURN NEW;
END $$;

-- Sealed columns of histories are sealed anew like any; the logs and their seals never change.
CREATE FUNCTION app.append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME IN ('appointment_history', 'message_consent') AND app.is_resealing() THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

-- The row that an audit row is about. What only ties two together has no id, nor has an account or a data key; it is found by whom it
-- belongs to.
CREATE FUNCTION app.audited_id(p_row jsonb) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(p_row ->> 'id', p_row ->> 'patient_id', p_row ->> 'provider_id', p_row ->> 'staff_id',
    CASE WHEN p_row ? 'key_id' THEN p_row ->> 'organization_id' END)::uuid
$$;

-- One row per written row, in the same transaction: the whole row on insert and delete, the changed columns on update.
-- Runs as the owner, since the runtime role may not write the log itself. Sealed columns stay sealed.
CREATE FUNCTION app.audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_session jsonb := app.session();
  v_old jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  v_new jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  v_before jsonb := v_old;
  v_after jsonb := v_new;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    SELECT jsonb_object_agg(key, value), jsonb_object_agg(key, v_new -> key) INTO v_before, v_after
    FROM jsonb_each(v_old) WHERE value IS DISTINCT FROM v_new -> key;
    IF v_before IS NULL THEN
      RETURN NULL;
    END IF;
    IF app.is_resealing() AND NOT EXISTS (SELECT FROM jsonb_object_keys(v_before) AS name WHERE name NOT LIKE '%\_sealed') THEN
      RETURN NULL;
    END IF;
  END IF;
  INSERT INTO public.audit_log (organization_id, at, actor_kind, actor_id, request_id, action, table_name, row_id, operation, before, after, reason)
  VALUES (app.organization_id(), clock_timestamp(), v_session ->> 'actorKind', (v_session ->> 'actorId')::uuid, v_session ->> 'requestId',
          v_session ->> 'action', TG_TABLE_NAME, app.audited_id(coalesce(v_new, v_old)), lower(TG_OP), v_before, v_after, v_session ->> 'reason');
  RETURN NULL;
END $$;

-- One row per request that read patient data.
CREATE FUNCTION app.log_access(p_patient_ids uuid[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_session jsonb := app.session();
BEGIN
  INSERT INTO public.access_log (organization_id, at, actor_kind, actor_id, request_id, action, patient_ids, reason)
  VALUES (app.organization_id(), clock_timestamp(), v_session ->> 'actorKind', (v_session ->> 'actorId')::uuid, v_session ->> 'requestId',
          v_session ->> 'action', p_patient_ids, v_session ->> 'reason');
END $$;

CREATE PROCEDURE app.protect(p_table regclass, p_audit boolean DEFAULT true) LANGUAGE plpgsql AS $$
DECLARE
  v_column text := CASE WHEN p_table = 'public.organization'::regclass THEN 'id' ELSE 'organization_id' END;
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_table);
  EXECUTE format('CREATE POLICY own_organization ON %s USING (%I = (SELECT app.organization_id())) WITH CHECK (%2$I = (SELECT app.organization_id()))', p_table, v_column);
  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = p_table AND attname = 'version' AND p_table <> 'public.appointment_history'::regclass) THEN
    EXECUTE format('CREATE TRIGGER step_version BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION app.step_version()', p_table);
  END IF;
  IF p_audit THEN
    EXECUTE format('CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION app.audit()', p_table);
  END IF;
END $$;

CALL app.protect('organization');
CALL app.protect('legal_entity');
CALL app.protect('location');
CALL app.protect('staff');
CALL app.protect('provider');
CALL app.protect('patient');
CALL app.protect('patient_relation');
CALL app.protect('room_type');
CALL app.protect('service');
CALL app.protect('service_version');
CALL app.protect('service_price');
CALL app.protect('provider_service');
CALL app.protect('room');
CALL app.protect('shift_rotation');
CALL app.protect('shift');
CALL app.protect('appointment');
CALL app.protect('appointment_segment');
-- Not audited: derived from audited rows, or themselves a record.
CALL app.protect('patient_name_word', false);
CALL app.protect('resource', false);
CALL app.protect('claim', false);
CALL app.protect('appointment_history', false);
CALL app.protect('idempotency_key', false);
CALL app.protect('outbox_stream', false);
CALL app.protect('outbox_event', false);
CALL app.protect('audit_log', false);
CALL app.protect('access_log', false);

-- History is never rewritten, not even by the owner.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON appointment_history FOR EACH STATEMENT EXECUTE FUNCTION app.append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON outbox_event FOR EACH STATEMENT EXECUTE FUNCTION app.append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION app.append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access_log FOR EACH STATEMENT EXECUTE FUNCTION app.append_only();

-- Months of the logs. The default partition catches what no month holds, so that a late job never refuses a write. A
-- partition is a table that can be named: it is protected like the log it belongs to.
CREATE PROCEDURE app.protect_log_part(p_table regclass) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.protect(p_table, false);
  EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION app.append_only()', p_table);
END $$;

CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT;
CREATE TABLE access_log_default PARTITION OF access_log DEFAULT;
CALL app.protect_log_part('audit_log_default');
CALL app.protect_log_part('access_log_default');

-- At most two years ahead, whoever asks: every month is two tables more.
CREATE FUNCTION app.ensure_log_months(p_ahead integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_month date;
  v_log text;
  v_made integer := 0;
BEGIN
  FOREACH v_log IN ARRAY ARRAY['audit_log', 'access_log'] LOOP
    FOR v_month IN SELECT generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'), date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => least(p_ahead, 24)), '1 month') LOOP
      CONTINUE WHEN to_regclass(format('public.%s_%s', v_log, to_char(v_month, 'YYYY_MM'))) IS NOT NULL;
      BEGIN
        EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)', v_log || '_' || to_char(v_month, 'YYYY_MM'), v_log,
          v_month::timestamp AT TIME ZONE 'UTC', (v_month + interval '1 month') AT TIME ZONE 'UTC');
        CALL app.protect_log_part(format('public.%I', v_log || '_' || to_char(v_month, 'YYYY_MM')));
        v_made := v_made + 1;
      EXCEPTION WHEN check_violation THEN
        -- The job came so late that the default partition has rows of this month: there they stay.
        NULL;
      END;
    END LOOP;
  END LOOP;
  RETURN v_made;
END $$;
SELECT app.ensure_log_months(12);

-- The same as a verb of the runtime role, for the nightly job.
CREATE FUNCTION app.ensure_log_months(p_session jsonb, p_ahead integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  PERFORM app.enter(p_session);
  RETURN app.ensure_log_months(p_ahead);
END $$;

-- Whatever can be in one place at a time is a resource; made here, so that it cannot be forgotten. After the row, since an
-- import that skips a row must not leave its resource behind; the key to it is checked at commit.
CREATE FUNCTION app.add_resource() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.resource (organization_id, id, kind) VALUES (NEW.organization_id, NEW.id, TG_TABLE_NAME);
  RETURN NULL;
END $$;
CREATE TRIGGER add_resource AFTER INSERT ON provider FOR EACH ROW EXECUTE FUNCTION app.add_resource();
CREATE TRIGGER add_resource AFTER INSERT ON patient FOR EACH ROW EXECUTE FUNCTION app.add_resource();
CREATE TRIGGER add_resource AFTER INSERT ON room FOR EACH ROW EXECUTE FUNCTION app.add_resource();

-- What the runtime role may do. Ids and organizations never change, nor what other rows were reckoned with: the currency of prices,
-- the zone of wall time (I1), the type of a room that is booked. Rows are ended and not deleted, terms that an appointment points
-- to stay as they were, logs cannot be written by hand.
GRANT SELECT ON organization, legal_entity, location, staff, provider, patient, patient_name_word, patient_relation, room_type, service, service_version, service_price, provider_service,
  resource, room, shift_rotation, shift, appointment, appointment_segment, appointment_history, claim, idempotency_key, outbox_stream, outbox_event,
  audit_log, access_log TO app_rw;
GRANT INSERT ON organization, legal_entity, location, staff, provider, patient, patient_relation, room_type, service, service_version, service_price, provider_service,
  room, shift_rotation, shift, appointment, appointment_segment, appointment_history, claim, idempotency_key, outbox_stream, outbox_event TO app_rw;
GRANT UPDATE (name, version) ON organization, legal_entity, room_type TO app_rw;
GRANT UPDATE (name, slot_minutes, street, city, region, postal_code, country, is_active, version) ON location TO app_rw;
GRANT UPDATE (given_name, family_name, job_title, email_sealed, email_index, is_active, version) ON staff TO app_rw;
GRANT UPDATE (display_name, credential, is_active, version) ON provider TO app_rw;
GRANT UPDATE (given_name, family_name, preferred_name, pronouns, time_zone, birth_date_sealed, birth_date_index, phone_sealed, phone_index, email_sealed, email_index,
  address_sealed, note_sealed, is_active, deceased_on, merged_into_id, version) ON patient TO app_rw;
GRANT UPDATE (name, category, is_active, version) ON service TO app_rw;
GRANT UPDATE (effective_until) ON service_version, service_price TO app_rw;
GRANT UPDATE (name, position, is_active, version) ON room TO app_rw;
GRANT UPDATE (effective_until, version) ON shift_rotation TO app_rw;
GRANT UPDATE (status, starts_at, ends_at, cancel_reason, version) ON appointment TO app_rw;
GRANT UPDATE (provider_id, room_id, starts_at, ends_at) ON appointment_segment TO app_rw;
GRANT UPDATE (last_sequence) ON outbox_stream TO app_rw;
GRANT DELETE ON patient_relation, provider_service, claim, idempotency_key TO app_rw;
GRANT USAGE ON SEQUENCE claim_id_seq TO app_rw;

-- The readiness probe's one row; no organization, no audit.
INSERT INTO health_probe (id, at) VALUES (1, now());
GRANT SELECT, UPDATE ON health_probe TO app_rw;

-- A key's mark is written once, by the first start with the key, and never again.
GRANT SELECT, INSERT ON key_check TO app_rw;
