-- The verbs that change the calendar. Each is one call and one transaction: it enters the session, finds the answer of a
-- repeated request, decides, claims the time, and writes appointment, history, event and job, or nothing at all.
-- A verb answers with {outcome: ...}; an outcome other than success has written nothing.

-- Books a visit: services back to back from startsAt, each with a named provider, and a named room or any of the right type.
-- p_request: {appointmentId, locationId, patientId, startsAt, channel, noteSealed, idempotency,
--             services: [{segmentId, serviceId, providerId, roomId}]}
CREATE FUNCTION app.book_appointment(p_session jsonb, p_request jsonb) RETURNS jsonb LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  v_organization uuid := (p_session ->> 'organizationId')::uuid;
  v_id uuid := (p_request ->> 'appointmentId')::uuid;
  v_starts timestamptz := (p_request ->> 'startsAt')::timestamptz;
  v_location location%ROWTYPE;
  v_patient patient%ROWTYPE;
  v_segments app.segment[] := '{}';
  v_at timestamptz := v_starts;
  v_planned record;
  v_placed record;
  v_outcome jsonb;
BEGIN
  PERFORM app.enter(p_session);
  v_outcome := app.replay(p_request -> 'idempotency');
  IF v_outcome IS NOT NULL THEN
    RETURN v_outcome;
  END IF;

  SELECT * INTO v_location FROM location WHERE organization_id = v_organization AND id = (p_request ->> 'locationId')::uuid;
  IF NOT FOUND THEN
    RETURN jsonb_build_object('outcome', 'not-found', 'pointer', '/locationId');
  END IF;
  SELECT * INTO v_patient FROM patient WHERE organization_id = v_organization AND id = (p_request ->> 'patientId')::uuid;
  IF NOT FOUND THEN
    RETURN jsonb_build_object('outcome', 'not-found', 'pointer', '/patientId');
  ELSIF NOT v_patient.is_active THEN
    RETURN jsonb_build_object('outcome', 'refused', 'slug', 'patient-inactive', 'pointer', '/patientId');
  ELSIF NOT v_location.is_active THEN
    RETURN jsonb_build_object('outcome', 'refused', 'slug', 'location-inactive', 'pointer', '/locationId');
  ELSIF app.is_before_today(v_starts, v_location.time_zone) THEN
    RETURN jsonb_build_object('outcome', 'refused', 'slug', 'in-the-past', 'pointer', '/startsAt');
  END IF;

  FOR i IN 0 .. jsonb_array_length(p_request -> 'services') - 1 LOOP
    SELECT * INTO v_planned FROM app.segment_of(v_location, v_at, p_request -> 'services' -> i);
    IF v_planned.refused IS NOT NULL THEN
      RETURN v_planned.refused || jsonb_build_object('pointer', '/services/' || i || (v_planned.refused ->> 'pointer'));
    END IF;
    v_segments := v_segments || v_planned.segment;
    v_at := (v_planned.segment).ends_at;
  END LOOP;

  SELECT * INTO v_placed FROM app.place(v_id, v_location.id, v_patient.id, v_segments);
  IF v_placed.p_segments IS NULL THEN
    RETURN jsonb_build_object('outcome', 'slot-taken', 'busy', to_jsonb(v_placed.busy));
  END IF;

  INSERT INTO appointment (organization_id, id, location_id, patient_id, starts_at, ends_at, channel, created_at)
  VALUES (v_organization, v_id, v_location.id, v_patient.id, v_starts, v_at, p_request ->> 'channel', app.session_now());
  INSERT INTO appointment_segment (organization_id, id, appointment_id, position, service_id, service_version_id, provider_id, room_id, starts_at, ends_at)
  SELECT v_organization, s.id, v_id, s.position - 1, s.service_id, s.service_version_id, s.provider_id, s.room_id, s.starts_at, s.ends_at
  FROM unnest(v_placed.p_segments) WITH ORDINALITY s(id, service_id, service_version_id, provider_id, room_id, starts_at, ends_at,
    provider_from, provider_until, room_type_id, room_until, room_is_fixed, position);
  RETURN app.record_change(v_id, 'book', p_request);
END $$;

-- Begins a change of an appointment: enters the session and locks the row. The answer is set when there is nothing left to do,
-- because the request is a repeated one, or because the appointment cannot be changed. p_request: {appointmentId, version, from: [status]}
CREATE FUNCTION app.begin_change(p_session jsonb, p_request jsonb, OUT locked appointment, OUT answer jsonb) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM app.enter(p_session);
  answer := app.replay(p_request -> 'idempotency');
  IF answer IS NOT NULL THEN
    RETURN;
  END IF;
  SELECT a.* INTO locked FROM appointment a WHERE a.organization_id = app.organization_id() AND a.id = (p_request ->> 'appointmentId')::uuid FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    answer := jsonb_build_object('outcome', 'not-found');
  ELSIF locked.version <> (p_request ->> 'version')::int THEN
    answer := jsonb_build_object('outcome', 'stale', 'version', locked.version);
  ELSIF NOT p_request -> 'from' ? locked.status THEN
    answer := jsonb_build_object('outcome', 'wrong-status', 'status', locked.status);
  END IF;
END $$;

-- Gives a visit that was booked its place in time, as planned: claims and the rows of its services. Null, or what the
-- verb answers when that is impossible; then nothing has changed.
CREATE FUNCTION app.place_again(p_appointment appointment, p_segments app.segment[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_placed record;
BEGIN
  SELECT * INTO v_placed FROM app.place(p_appointment.id, p_appointment.location_id, p_appointment.patient_id, p_segments);
  IF v_placed.p_segments IS NULL THEN
    RETURN jsonb_build_object('outcome', 'slot-taken', 'busy', to_jsonb(v_placed.busy));
  END IF;
  UPDATE appointment_segment t SET provider_id = s.provider_id, room_id = s.room_id, starts_at = s.starts_at, ends_at = s.ends_at
  FROM unnest(v_placed.p_segments) s WHERE t.organization_id = p_appointment.organization_id AND t.id = s.id;
  PERFORM app.withdraw_messages(p_appointment.id);
  RETURN NULL;
END $$;

-- Moves a visit: every service by the same amount, so gaps stay, with other providers or rooms where assigned.
-- p_request: {appointmentId, version, from, to, startsAt, channel, reason, noteSealed, idempotency,
--             assignments: [{id, providerId, roomId}]}
CREATE FUNCTION app.reschedule_appointment(p_session jsonb, p_request jsonb) RETURNS jsonb LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  v_organization uuid := (p_session ->> 'organizationId')::uuid;
  v_starts timestamptz := (p_request ->> 'startsAt')::timestamptz;
  v_begun record;
  v_appointment appointment;
  v_location location%ROWTYPE;
  v_row record;
  v_planned record;
  v_segment app.segment;
  v_segments app.segment[] := '{}';
  v_outcome jsonb;
BEGIN
  SELECT * INTO v_begun FROM app.begin_change(p_session, p_request);
  IF v_begun.answer IS NOT NULL THEN
    RETURN v_begun.answer;
  END IF;
  v_appointment := v_begun.locked;
  SELECT * INTO v_location FROM location WHERE organization_id = v_organization AND id = v_appointment.location_id;
  IF NOT (SELECT is_active FROM patient WHERE organization_id = v_organization AND id = v_appointment.patient_id) THEN
    RETURN jsonb_build_object('outcome', 'refused', 'slug', 'patient-inactive');
  ELSIF NOT v_location.is_active THEN
    RETURN jsonb_build_object('outcome', 'refused', 'slug', 'location-inactive');
  ELSIF app.is_before_today(v_starts, v_location.time_zone) THEN
    RETURN jsonb_build_object('outcome', 'refused', 'slug', 'in-the-past', 'pointer', '/startsAt');
  END IF;
  SELECT a.index INTO v_row FROM jsonb_array_elements(p_request -> 'assignments') WITH ORDINALITY a(assigned, index)
  WHERE NOT EXISTS (SELECT FROM appointment_segment s WHERE s.organization_id = v_organization AND s.appointment_id = v_appointment.id AND s.id = (a.assigned ->> 'id')::uuid)
  ORDER BY a.index LIMIT 1;
  IF FOUND THEN
    RETURN jsonb_build_object('outcome', 'not-found', 'pointer', '/assignments/' || v_row.index - 1 || '/id');
  END IF;

  FOR v_row IN
    SELECT s AS segment, v AS terms, a.assigned, '/assignments' || coalesce('/' || a.index - 1, '') AS pointer
    FROM appointment_segment s
    JOIN service_version v ON v.organization_id = s.organization_id AND v.id = s.service_version_id
    LEFT JOIN jsonb_array_elements(p_request -> 'assignments') WITH ORDINALITY a(assigned, index) ON (a.assigned ->> 'id')::uuid = s.id
    WHERE s.organization_id = v_organization AND s.appointment_id = v_appointment.id ORDER BY s.position
  LOOP
    SELECT * INTO v_planned FROM app.segment_with(v_location, (v_row.segment).starts_at + (v_starts - v_appointment.starts_at), v_row.terms,
      jsonb_build_object('segmentId', (v_row.segment).id, 'providerId', coalesce(v_row.assigned ->> 'providerId', (v_row.segment).provider_id::text), 'roomId', v_row.assigned ->> 'roomId'));
    IF v_planned.refused IS NOT NULL THEN
      -- Who was not assigned anew is not in the request: the time is what does not suit them, or that nobody else was named.
      RETURN v_planned.refused || jsonb_build_object('pointer', CASE
        WHEN v_row.assigned ->> substr(v_planned.refused ->> 'pointer', 2) IS NOT NULL THEN v_row.pointer || (v_planned.refused ->> 'pointer')
        WHEN v_planned.refused ->> 'slug' = 'provider-not-working' THEN '/startsAt'
        ELSE v_row.pointer END);
    END IF;
    v_segment := v_planned.segment;
    IF NOT v_segment.room_is_fixed THEN
      v_segment.room_id := (v_row.segment).room_id;
    END IF;
    v_segments := v_segments || v_segment;
  END LOOP;

  v_outcome := app.place_again(v_appointment, v_segments);
  IF v_outcome IS NOT NULL THEN
    RETURN v_outcome;
  END IF;
  UPDATE appointment SET status = p_request ->> 'to', starts_at = v_starts, ends_at = v_segments[array_length(v_segments, 1)].ends_at, version = version + 1
  WHERE organization_id = v_organization AND id = v_appointment.id;
  RETURN app.record_change(v_appointment.id, 'reschedule', p_request);
END $$;

-- True before the moment from which something may be done to a visit: its local day, or its start.
CREATE FUNCTION app.is_too_early(p_appointment appointment, p_not_before text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE p_not_before
    WHEN 'start' THEN app.session_now() < p_appointment.starts_at
    WHEN 'day' THEN (SELECT (app.session_now() AT TIME ZONE l.time_zone)::date < (p_appointment.starts_at AT TIME ZONE l.time_zone)::date
                     FROM location l WHERE l.organization_id = p_appointment.organization_id AND l.id = p_appointment.location_id)
    ELSE false END
$$;

-- Takes an appointment to another status. The caller's state table says from where, not before when, and whether its claims are
-- freed, kept, or taken again: each service at its time and with its provider, in its room or, where that is taken, another.
-- p_request: {appointmentId, version, from, to, action, notBefore, claims, channel, reason, noteSealed, idempotency}
CREATE FUNCTION app.change_status(p_session jsonb, p_request jsonb) RETURNS jsonb LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  v_organization uuid := (p_session ->> 'organizationId')::uuid;
  v_begun record;
  v_appointment appointment;
  v_segments app.segment[];
  v_outcome jsonb;
BEGIN
  SELECT * INTO v_begun FROM app.begin_change(p_session, p_request);
  IF v_begun.answer IS NOT NULL THEN
    RETURN v_begun.answer;
  END IF;
  v_appointment := v_begun.locked;
  IF app.is_too_early(v_appointment, p_request ->> 'notBefore') THEN
    RETURN jsonb_build_object('outcome', 'refused', 'slug', 'too-early', 'pointer', '/action');
  END IF;
  IF p_request ->> 'claims' = 'taken' THEN
    SELECT array_agg(app.segment_at(s.id, v, s.provider_id, s.room_id, s.starts_at, false) ORDER BY s.position) INTO v_segments
    FROM appointment_segment s
    JOIN service_version v ON v.organization_id = s.organization_id AND v.id = s.service_version_id
    WHERE s.organization_id = v_organization AND s.appointment_id = v_appointment.id;
    v_outcome := app.place_again(v_appointment, v_segments);
    IF v_outcome IS NOT NULL THEN
      RETURN v_outcome;
    END IF;
  ELSIF p_request ->> 'claims' = 'freed' THEN
    DELETE FROM claim WHERE organization_id = v_organization AND appointment_id = v_appointment.id;
    PERFORM app.withdraw_messages(v_appointment.id);
  END IF;
  UPDATE appointment SET status = p_request ->> 'to', version = version + 1,
    cancel_reason = CASE WHEN p_request ->> 'to' = 'cancelled' THEN p_request ->> 'reason' END
  WHERE organization_id = v_organization AND id = v_appointment.id;
  RETURN app.record_change(v_appointment.id, p_request ->> 'action', p_request);
END $$;
