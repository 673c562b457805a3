-- What the desk reads, what it is told, and upkeep.

-- One local day of a location, today without a date: every appointment with what the front desk needs to see, in order of time,
-- and the number of the last event that it shows. One statement reads both, hence one snapshot: whoever follows the events from
-- that number misses none and sees none twice. Logs the access.
CREATE FUNCTION app.location_day(p_session jsonb, p_location uuid, p_date date) RETURNS jsonb LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  v_organization uuid := (p_session ->> 'organizationId')::uuid;
  v_zone text;
  v_date date;
  v_window tstzrange;
  v_patients uuid[];
  v_appointments jsonb;
  v_sequence bigint;
BEGIN
  PERFORM app.enter(p_session);
  SELECT time_zone INTO v_zone FROM location WHERE organization_id = v_organization AND id = p_location;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  v_date := coalesce(p_date, (app.session_now() AT TIME ZONE v_zone)::date);
  v_window := app.local_days(v_date, v_date + 1, v_zone);
  SELECT array_agg(DISTINCT a.patient_id), jsonb_agg(jsonb_build_object(
      'id', a.id, 'status', a.status, 'startsAt', app.iso(a.starts_at), 'endsAt', app.iso(a.ends_at), 'channel', a.channel,
      'cancelReason', a.cancel_reason, 'version', a.version,
      'hasNote', EXISTS (SELECT FROM appointment_history h WHERE h.organization_id = a.organization_id AND h.appointment_id = a.id AND h.note_sealed IS NOT NULL),
      'patient', jsonb_build_object('id', p.id, 'name', coalesce(p.preferred_name, p.given_name) || ' ' || p.family_name, 'pronouns', p.pronouns),
      'services', g.services) ORDER BY a.starts_at, a.id),
    (SELECT o.last_sequence FROM outbox_stream o WHERE o.organization_id = v_organization AND o.stream_id = p_location)
  INTO v_patients, v_appointments, v_sequence
  FROM appointment a
  JOIN patient p ON p.organization_id = a.organization_id AND p.id = a.patient_id
  CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'id', s.id, 'serviceId', s.service_id, 'serviceName', v.name, 'providerId', s.provider_id, 'providerName', pr.display_name,
        'roomId', s.room_id, 'roomName', r.name, 'startsAt', app.iso(s.starts_at), 'endsAt', app.iso(s.ends_at)) ORDER BY s.position) AS services
    FROM appointment_segment s
    JOIN service v ON v.organization_id = s.organization_id AND v.id = s.service_id
    JOIN provider pr ON pr.organization_id = s.organization_id AND pr.id = s.provider_id
    LEFT JOIN room r ON r.organization_id = s.organization_id AND r.id = s.room_id
    WHERE s.organization_id = a.organization_id AND s.appointment_id = a.id
  ) g
  WHERE a.organization_id = v_organization AND a.location_id = p_location AND a.starts_at >= lower(v_window) AND a.starts_at < upper(v_window);
  IF v_patients IS NOT NULL THEN
    PERFORM app.log_access(v_patients);
  END IF;
  RETURN jsonb_build_object('timeZone', v_zone, 'date', v_date, 'sequence', coalesce(v_sequence, 0), 'appointments', coalesce(v_appointments, '[]'));
END $$;

-- A patient as stored, with relations: what is sealed stays so, in hex. Null when there is none.
CREATE FUNCTION app.patient_card(p_id uuid) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_build_object(
    'id', p.id, 'givenName', p.given_name, 'familyName', p.family_name, 'preferredName', p.preferred_name, 'pronouns', p.pronouns, 'timeZone', p.time_zone,
    'birthDateSealed', encode(p.birth_date_sealed, 'hex'), 'phoneSealed', encode(p.phone_sealed, 'hex'), 'emailSealed', encode(p.email_sealed, 'hex'),
    'addressSealed', encode(p.address_sealed, 'hex'), 'noteSealed', encode(p.note_sealed, 'hex'), 'sourceIdSealed', encode(p.source_id_sealed, 'hex'),
    'isActive', p.is_active, 'deceasedOn', p.deceased_on, 'mergedIntoId', p.merged_into_id, 'version', p.version,
    'relations', (
      SELECT coalesce(json_agg(json_build_object('relatedId', r.related_id, 'kind', r.kind) ORDER BY r.kind, r.related_id), '[]')
      FROM (SELECT * FROM patient_relation WHERE organization_id = p.organization_id AND patient_id = p.id ORDER BY kind, related_id LIMIT 100) r),
    'relationOf', (
      SELECT coalesce(json_agg(json_build_object('patientId', r.patient_id, 'kind', r.kind) ORDER BY r.kind, r.patient_id), '[]')
      FROM (SELECT * FROM patient_relation WHERE organization_id = p.organization_id AND related_id = p.id ORDER BY kind, patient_id LIMIT 100) r))
  FROM patient p WHERE p.organization_id = app.organization_id() AND p.id = p_id
$$;

-- The same as a whole read: logs the access.
CREATE FUNCTION app.read_patient(p_session jsonb, p_id uuid) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  v_card json;
BEGIN
  PERFORM app.enter(p_session);
  v_card := app.patient_card(p_id);
  IF v_card IS NOT NULL THEN
    PERFORM app.log_access(ARRAY[p_id]);
  END IF;
  RETURN v_card;
END $$;

-- True without a date, or when what began and ends on these days holds on the date or later. What was withdrawn ends where it begins.
CREATE FUNCTION app.holds_later(p_begins date, p_ends date, p_from date) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT p_from IS NULL OR p_ends IS NULL OR (p_ends > p_from AND p_ends > p_begins)
$$;

-- A service with its terms, prices and providers; of terms and prices all, or with a date what holds on it or later.
CREATE FUNCTION app.service_card(p_service service, p_from date) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT json_build_object(
    'id', p_service.id, 'name', p_service.name, 'category', p_service.category, 'isActive', p_service.is_active, 'version', p_service.version,
    'terms', (
      SELECT coalesce(json_agg(json_build_object('id', v.id, 'effectiveFrom', v.effective_from, 'effectiveUntil', v.effective_until,
          'durationMinutes', v.duration_minutes, 'bufferBeforeMinutes', v.buffer_before_minutes, 'bufferAfterMinutes', v.buffer_after_minutes,
          'roomTypeId', v.room_type_id, 'roomTurnoverMinutes', v.room_turnover_minutes) ORDER BY v.effective_from, v.effective_until NULLS LAST, v.id), '[]')
      FROM (
        SELECT * FROM service_version
        WHERE organization_id = p_service.organization_id AND service_id = p_service.id AND app.holds_later(effective_from, effective_until, p_from)
        ORDER BY effective_from, effective_until NULLS LAST, id LIMIT 200) v),
    'prices', (
      SELECT coalesce(json_agg(json_build_object('id', v.id, 'legalEntityId', v.legal_entity_id, 'effectiveFrom', v.effective_from, 'effectiveUntil', v.effective_until,
          'price', json_build_object('amount', v.price_cents, 'currency', e.currency)) ORDER BY v.legal_entity_id, v.effective_from, v.effective_until NULLS LAST, v.id), '[]')
      FROM (
        SELECT * FROM service_price
        WHERE organization_id = p_service.organization_id AND service_id = p_service.id AND app.holds_later(effective_from, effective_until, p_from)
        ORDER BY legal_entity_id, effective_from, effective_until NULLS LAST, id LIMIT 500) v
      JOIN legal_entity e ON e.organization_id = p_service.organization_id AND e.id = v.legal_entity_id),
    'providerIds', (
      SELECT coalesce(json_agg(s.provider_id ORDER BY s.provider_id), '[]')
      FROM (
        SELECT provider_id FROM provider_service
        WHERE organization_id = p_service.organization_id AND service_id = p_service.id ORDER BY provider_id LIMIT 1000) s))
$$;

-- Services after the cursor, in order of their ids; null when the cursor is none of them.
CREATE FUNCTION app.list_services(p_session jsonb, p_from date, p_cursor uuid, p_limit integer) RETURNS json LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  v_organization uuid := (p_session ->> 'organizationId')::uuid;
BEGIN
  PERFORM app.enter(p_session);
  IF p_cursor IS NOT NULL AND NOT EXISTS (SELECT FROM service WHERE organization_id = v_organization AND id = p_cursor) THEN
    RETURN NULL;
  END IF;
  RETURN (
    SELECT coalesce(json_agg(app.service_card(s, p_from) ORDER BY s.id), '[]')
    FROM (
      SELECT * FROM service WHERE organization_id = v_organization AND id > coalesce(p_cursor, '00000000-0000-0000-0000-000000000000')
      ORDER BY id LIMIT p_limit) s);
END $$;

-- The visits that are still to happen, or happening, of a provider at a location from a local date on that no working time covers.
CREATE FUNCTION app.uncovered_visits(p_location uuid, p_provider uuid, p_from date) RETURNS TABLE (appointment_id uuid, starts_at timestamptz) LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_organization uuid := app.organization_id();
  v_zone text := (SELECT l.time_zone FROM location l WHERE l.organization_id = v_organization AND l.id = p_location);
  v_from timestamptz := app.instant_of(p_from::timestamp, v_zone);
BEGIN
  RETURN QUERY
  WITH needed AS MATERIALIZED (
    SELECT a.id, a.starts_at AS begins, tstzrange(g.provider_from, g.provider_until) AS during
    FROM appointment a
    JOIN appointment_segment s ON s.organization_id = a.organization_id AND s.appointment_id = a.id AND s.provider_id = p_provider
    JOIN service_version v ON v.organization_id = s.organization_id AND v.id = s.service_version_id
    CROSS JOIN LATERAL app.segment_at(s.id, v, s.provider_id, s.room_id, s.starts_at, false) g
    -- What began a day before may reach into the date.
    WHERE a.organization_id = v_organization AND a.location_id = p_location AND a.starts_at > v_from - interval '1 day'
      AND a.status NOT IN ('left', 'cancelled', 'no_show') AND g.provider_until > v_from
  ), worked AS MATERIALIZED (
    SELECT w.work FROM app.provider_work(v_organization, p_location, v_zone, p_from - 1,
      (SELECT (max(upper(n.during)) AT TIME ZONE v_zone)::date + 1 FROM needed n), ARRAY[p_provider]) w
  )
  SELECT DISTINCT n.id, n.begins FROM needed n WHERE NOT EXISTS (SELECT FROM worked w WHERE w.work @> n.during);
END $$;

-- Says once that a patient is late: nothing when the appointment moved, ended or the patient came, and nothing again when the
-- job is run again. A minute of grace, since the queue's clock, which chose the moment, may be ahead of the caller's.
CREATE FUNCTION app.notice_overdue(p_session jsonb, p_appointment uuid, p_minutes integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_appointment appointment%ROWTYPE;
  v_due timestamptz;
BEGIN
  PERFORM app.enter(p_session);
  SELECT * INTO v_appointment FROM appointment
  WHERE organization_id = app.organization_id() AND id = p_appointment AND status IN ('booked', 'confirmed') FOR NO KEY UPDATE;
  v_due := v_appointment.starts_at + make_interval(mins => p_minutes) - interval '1 minute';
  IF v_due IS NULL OR v_due > app.session_now() OR EXISTS (
    SELECT FROM outbox_event e
    WHERE e.organization_id = v_appointment.organization_id AND e.at >= v_due AND e.type = 'appointment.overdue' AND e.subject_id = p_appointment) THEN
    RETURN false;
  END IF;
  PERFORM app.emit(v_appointment.location_id, 'appointment.overdue', v_appointment.id, jsonb_build_object('version', v_appointment.version, 'startsAt', app.iso(v_appointment.starts_at)));
  RETURN true;
END $$;

-- ── upkeep ───────────────────────────────────────────────────────────────────────────────────────────────────────────
-- Across organizations, hence as the owner with its own policy of sight: it deletes what has no further use and enqueues what is due,
-- nothing else. What that is, the server's clock decides and no caller, and no call takes more than fits the limits of a statement.

CREATE POLICY upkeep ON location FOR SELECT TO app_owner USING (current_setting('app.upkeep', true) = 'on');
CREATE POLICY upkeep ON appointment FOR SELECT TO app_owner USING (current_setting('app.upkeep', true) = 'on');
CREATE POLICY upkeep ON outbox_event FOR SELECT TO app_owner USING (current_setting('app.upkeep', true) = 'on');
CREATE POLICY upkeep ON claim FOR ALL TO app_owner USING (current_setting('app.upkeep', true) = 'on');
CREATE POLICY upkeep ON idempotency_key FOR ALL TO app_owner USING (current_setting('app.upkeep', true) = 'on');

-- Enqueues a look at visits of the last day whose patient should have come that many minutes ago and of which nobody was told yet, the
-- earliest two thousand; returns how many. Asked every minute, so that booking, moving and cancelling have no job to write.
CREATE FUNCTION app.watch_arrivals(p_session jsonb, p_minutes integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_grace interval := make_interval(mins => greatest(p_minutes, 0));
  v_latest timestamptz;
  v_count bigint;
BEGIN
  PERFORM app.enter(p_session);
  PERFORM set_config('app.upkeep', 'on', true);
  v_latest := least(app.session_now(), now()) - v_grace;
  SELECT count(graphile_worker.add_job('notice-overdue', json_build_object('organizationId', due.organization_id, 'appointmentId', due.id), job_key := 'overdue:' || due.id))
  INTO v_count
  FROM (
    SELECT a.organization_id, a.id
    -- By location, as the index is.
    FROM location l
    JOIN appointment a ON a.organization_id = l.organization_id AND a.location_id = l.id AND a.starts_at > v_latest - interval '1 day' AND a.starts_at <= v_latest
    WHERE a.status IN ('booked', 'confirmed') AND NOT EXISTS (
      SELECT FROM outbox_event e
      WHERE e.organization_id = a.organization_id AND e.stream_id = a.location_id AND e.type = 'appointment.overdue' AND e.subject_id = a.id
        -- As app.notice_overdue counts: told of an earlier start is not told of this one.
        AND e.at >= a.starts_at + v_grace - interval '1 minute')
    ORDER BY a.starts_at LIMIT 2000
  ) due;
  PERFORM set_config('app.upkeep', '', true);
  RETURN v_count;
END $$;

-- Claims of past days protect nothing (S4) and would make the exclusion index grow for ever. Removes at most p_limit of those that
-- ended before p_before, which is a day ago or earlier, and returns how many went.
CREATE FUNCTION app.drop_past_claims(p_session jsonb, p_before timestamptz, p_limit integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_before timestamptz := least(p_before, now() - interval '1 day');
  v_limit integer := least(p_limit, 20000);
  v_past bigint;
  v_holds bigint;
BEGIN
  PERFORM app.enter(p_session);
  PERFORM set_config('app.upkeep', 'on', true);
  DELETE FROM claim WHERE ctid = ANY (ARRAY(SELECT ctid FROM claim WHERE ends_at < v_before LIMIT v_limit));
  GET DIAGNOSTICS v_past = ROW_COUNT;
  DELETE FROM claim WHERE ctid = ANY (ARRAY(SELECT ctid FROM claim WHERE expires_at < v_before LIMIT v_limit - v_past));
  GET DIAGNOSTICS v_holds = ROW_COUNT;
  PERFORM set_config('app.upkeep', '', true);
  RETURN v_past + v_holds;
END $$;

-- Removes at most p_limit replies that can no longer be asked for, and returns how many went.
CREATE FUNCTION app.drop_expired_replies(p_session jsonb, p_limit integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  v_count bigint;
BEGIN
  PERFORM app.enter(p_session);
  PERFORM set_config('app.upkeep', 'on', true);
  DELETE FROM idempotency_key WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_key WHERE expires_at < now() LIMIT least(p_limit, 20000)));
  GET DIAGNOSTICS v_count = ROW_COUNT;
  PERFORM set_config('app.upkeep', '', true);
  RETURN v_count;
END $$;

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA app TO app_owner;
