-- What the verbs that change the calendar are made of: answers of repeated requests, events, claims, placing a visit, planning its
-- services, and writing down what happened to it. The verbs themselves are in the next migration.

-- ── answers of repeated requests ─────────────────────────────────────────────────────────────────────────────────────

-- The kept answer of a request with the same key, or null. Waits while another transaction works on the same key.
-- p_idempotency: {route, key, bodyHash (hex), expiresAt}
CREATE FUNCTION app.find_reply(p_idempotency jsonb) RETURNS idempotency_key LANGUAGE plpgsql AS $$
DECLARE
  v_actor uuid := (app.session() ->> 'actorId')::uuid;
  v_kept idempotency_key;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(concat_ws('|', app.organization_id(), v_actor, p_idempotency ->> 'route', p_idempotency ->> 'key'), 1));
  SELECT * INTO v_kept FROM idempotency_key
  WHERE organization_id = app.organization_id() AND actor_id = v_actor AND route = p_idempotency ->> 'route' AND key = p_idempotency ->> 'key';
  IF v_kept.expires_at <= app.session_now() THEN
    DELETE FROM idempotency_key
    WHERE organization_id = v_kept.organization_id AND actor_id = v_kept.actor_id AND route = v_kept.route AND key = v_kept.key;
    RETURN NULL;
  END IF;
  RETURN v_kept;
END $$;

CREATE FUNCTION app.keep_reply(p_idempotency jsonb, p_outcome jsonb, p_reply bytea) RETURNS void LANGUAGE sql AS $$
  INSERT INTO idempotency_key (organization_id, actor_id, route, key, body_hash, outcome, reply_sealed, expires_at)
  VALUES (app.organization_id(), (app.session() ->> 'actorId')::uuid, p_idempotency ->> 'route', p_idempotency ->> 'key',
          decode(p_idempotency ->> 'bodyHash', 'hex'), p_outcome, p_reply, (p_idempotency ->> 'expiresAt')::timestamptz)
$$;

-- What a SQL verb answers to a repeated request, or null when it is a first one. Kept is only which version of which
-- appointment the answer showed: its history tells the rest. It is shown only to whoever may see the visit still.
CREATE FUNCTION app.replay(p_idempotency jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_kept idempotency_key;
  v_appointment jsonb;
BEGIN
  IF p_idempotency IS NULL OR p_idempotency = 'null' THEN
    RETURN NULL;
  END IF;
  v_kept := app.find_reply(p_idempotency);
  IF v_kept.key IS NULL THEN
    RETURN NULL;
  ELSIF v_kept.body_hash <> decode(p_idempotency ->> 'bodyHash', 'hex') THEN
    RETURN jsonb_build_object('outcome', 'key-reused');
  END IF;
  v_appointment := app.appointment_at((v_kept.outcome ->> 'appointmentId')::uuid, (v_kept.outcome ->> 'version')::integer);
  IF v_appointment IS NULL THEN
    RETURN jsonb_build_object('outcome', 'not-found');
  END IF;
  -- The first answer is in the audit log by what it did. This one did nothing but show.
  PERFORM app.log_access(ARRAY[(v_appointment ->> 'patientId')::uuid]);
  RETURN jsonb_build_object('outcome', 'done', 'appointment', v_appointment);
END $$;

-- ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Appends to a stream. The counter's row lock is held until commit, so a reader that has seen n has seen all before n.
-- Call it late: writers of the same location wait for each other from here on.
CREATE FUNCTION app.emit(p_stream uuid, p_type text, p_subject uuid, p_payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_sequence bigint;
BEGIN
  INSERT INTO outbox_stream (organization_id, stream_id, last_sequence) VALUES (app.organization_id(), p_stream, 1)
  ON CONFLICT (organization_id, stream_id) DO UPDATE SET last_sequence = outbox_stream.last_sequence + 1
  RETURNING last_sequence INTO v_sequence;
  INSERT INTO outbox_event (organization_id, stream_id, sequence, type, subject_id, payload, at)
  VALUES (app.organization_id(), p_stream, v_sequence, p_type, p_subject, p_payload, app.session_now());
END $$;

-- ── claims ───────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Replaces the claims of an appointment by these, all or none. False when a resource is taken; then nothing has changed.
-- S1 is the exclusion constraint. Whoever writes claims first locks the resources in one order, those that it gives up
-- included (two visits that swap places would else wait for each other), so writers queue and never deadlock; ON CONFLICT keeps
-- a lost race from being an error (a plain insert waits on its rival in a cycle). A refusal gives the locks back with the rest.
CREATE FUNCTION app.take_claims(p_appointment uuid, p_resources uuid[], p_ranges tstzrange[], p_evict boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_organization uuid := app.organization_id();
  v_held uuid[] := ARRAY(SELECT c.resource_id FROM claim c WHERE c.organization_id = v_organization AND c.appointment_id = p_appointment);
  v_wanted integer;
  v_got integer;
BEGIN
  PERFORM pg_advisory_xact_lock(k) FROM (SELECT DISTINCT hashtextextended(id::text, 2) AS k FROM unnest(p_resources || v_held) id ORDER BY 1) locks;
  IF v_held <> '{}' THEN
    DELETE FROM claim WHERE organization_id = v_organization AND appointment_id = p_appointment;
  END IF;
  IF p_evict THEN
    DELETE FROM claim c USING app.in_the_way(p_resources, p_ranges, p_appointment) w
    WHERE c.organization_id = v_organization AND c.id = w.claim_id AND w.is_over;
  END IF;
  WITH merged AS (
    -- Services of one visit that meet on a resource are one stretch of it.
    SELECT u.id, unnest(range_agg(u.during)) AS during FROM unnest(p_resources, p_ranges) u(id, during) GROUP BY u.id
  ), taken AS (
    INSERT INTO claim (organization_id, resource_id, during, kind, appointment_id)
    SELECT v_organization, id, during, 'booking', p_appointment FROM merged ORDER BY id, during
    ON CONFLICT DO NOTHING RETURNING 1
  )
  SELECT (SELECT count(*) FROM merged), (SELECT count(*) FROM taken) INTO v_wanted, v_got;
  IF v_got < v_wanted THEN
    RAISE EXCEPTION 'a resource is taken' USING ERRCODE = 'MS001';
  END IF;
  RETURN true;
EXCEPTION WHEN SQLSTATE 'MS001' THEN
  RETURN false;
END $$;

-- The blocking claims of others that overlap with these; is_over when it is a hold that ran out and gives way.
CREATE FUNCTION app.in_the_way(p_resources uuid[], p_ranges tstzrange[], p_appointment uuid)
RETURNS TABLE (claim_id bigint, resource_id uuid, is_over boolean) LANGUAGE sql STABLE ROWS 3 AS $$
  WITH wanted AS MATERIALIZED (
    -- Bounds worked out apart from the claims: range functions are not leakproof and would keep the index from being used.
    SELECT id, during, lower(during) - interval '25 hours' AS earliest, upper(during) AS until FROM unnest(p_resources, p_ranges) u(id, during)
  )
  SELECT c.id, c.resource_id, coalesce(c.expires_at <= (SELECT app.session_now()), false)
  FROM wanted w
  -- A look by resource and start, also in a plan that was made while the table was empty and every index cost the same: as a
  -- join, it went on to read all claims of the organization until the table was analyzed.
  CROSS JOIN LATERAL (
    SELECT * FROM claim
    WHERE organization_id = (SELECT app.organization_id()) AND resource_id = w.id AND is_blocking AND starts_at > w.earliest AND starts_at < w.until
    ORDER BY starts_at OFFSET 0
  ) c
  WHERE c.during && w.during AND c.appointment_id IS DISTINCT FROM p_appointment
$$;

-- One service of a visit while it is being placed.
CREATE TYPE app.segment AS (
  id uuid, service_id uuid, service_version_id uuid, provider_id uuid, room_id uuid,
  starts_at timestamptz, ends_at timestamptz,
  provider_from timestamptz, provider_until timestamptz,
  room_type_id uuid, room_until timestamptz, room_is_fixed boolean
);

-- Gives each segment a room where it needs one and claims everything for the appointment. When that is impossible
-- p_segments comes back null and busy names the kinds of resource in the way.
CREATE FUNCTION app.place(p_appointment uuid, p_location uuid, p_patient uuid, INOUT p_segments app.segment[], OUT busy text[]) LANGUAGE plpgsql AS $$
DECLARE
  v_organization uuid := app.organization_id();
  v_resources uuid[];
  v_ranges tstzrange[];
  v_segment app.segment;
  v_room uuid;
  -- Holds that ran out give way once one of them was in the way.
  v_evict boolean := false;
  v_fixed_in_the_way boolean;
BEGIN
  -- Each round loses at most one room to a rival, so more rounds than rooms are never needed.
  FOR v_round IN 1 .. 100 LOOP
    v_resources := ARRAY[p_patient];
    v_ranges := ARRAY[tstzrange(p_segments[1].starts_at, p_segments[array_length(p_segments, 1)].ends_at)];
    FOR i IN 1 .. array_length(p_segments, 1) LOOP
      v_segment := p_segments[i];
      IF v_segment.room_type_id IS NOT NULL AND NOT v_segment.room_is_fixed THEN
        SELECT r.id INTO v_room
        FROM (
          SELECT id FROM room
          WHERE organization_id = v_organization AND location_id = p_location AND room_type_id = v_segment.room_type_id AND is_active
          -- A moved visit keeps its room when it can. Sorted before the search, so that it ends at the first free room.
          ORDER BY id = v_segment.room_id DESC NULLS LAST, position, id OFFSET 0
        ) r
        WHERE NOT EXISTS (SELECT FROM app.in_the_way(ARRAY[r.id], ARRAY[tstzrange(v_segment.starts_at, v_segment.room_until)], p_appointment) w WHERE NOT w.is_over)
        LIMIT 1;
        IF NOT FOUND THEN
          p_segments := NULL;
          busy := ARRAY['room'];
          RETURN;
        END IF;
        v_segment.room_id := v_room;
        p_segments[i] := v_segment;
      END IF;
      v_resources := v_resources || v_segment.provider_id;
      v_ranges := v_ranges || tstzrange(v_segment.provider_from, v_segment.provider_until);
      IF v_segment.room_id IS NOT NULL THEN
        v_resources := v_resources || v_segment.room_id;
        v_ranges := v_ranges || tstzrange(v_segment.starts_at, v_segment.room_until);
      END IF;
    END LOOP;

    IF app.take_claims(p_appointment, v_resources, v_ranges, v_evict) THEN
      RETURN;
    END IF;

    SELECT array_agg(DISTINCT r.kind ORDER BY r.kind) FILTER (WHERE NOT w.is_over), coalesce(bool_or(w.is_over), false),
      bool_or(r.kind <> 'room' OR EXISTS (SELECT FROM unnest(p_segments) s WHERE s.room_is_fixed AND s.room_id = r.id)) FILTER (WHERE NOT w.is_over)
    INTO busy, v_evict, v_fixed_in_the_way
    FROM app.in_the_way(v_resources, v_ranges, p_appointment) w
    JOIN resource r ON r.organization_id = v_organization AND r.id = w.resource_id;
    IF v_fixed_in_the_way THEN
      p_segments := NULL;
      RETURN;
    END IF;
  END LOOP;
  p_segments := NULL;
  busy := ARRAY['room'];
END $$;

-- ── appointments ─────────────────────────────────────────────────────────────────────────────────────────────────────

-- An instant as JavaScript writes it.
CREATE FUNCTION app.iso(p_at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

CREATE FUNCTION app.appointment_view(p_id uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'id', a.id, 'locationId', a.location_id, 'patientId', a.patient_id, 'status', a.status, 'startsAt', app.iso(a.starts_at), 'endsAt', app.iso(a.ends_at),
    'channel', a.channel, 'cancelReason', a.cancel_reason, 'version', a.version, 'services', (
      SELECT jsonb_agg(jsonb_build_object('id', s.id, 'serviceId', s.service_id, 'providerId', s.provider_id, 'roomId', s.room_id,
                                          'startsAt', app.iso(s.starts_at), 'endsAt', app.iso(s.ends_at)) ORDER BY s.position)
      FROM appointment_segment s WHERE s.organization_id = a.organization_id AND s.appointment_id = a.id))
  FROM appointment a WHERE a.organization_id = app.organization_id() AND a.id = p_id
$$;

-- The same as it was at one of its versions, to the byte: the answer of the verb that led to it.
CREATE FUNCTION app.appointment_at(p_id uuid, p_version integer) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'id', a.id, 'locationId', a.location_id, 'patientId', a.patient_id, 'status', h.status, 'startsAt', app.iso(h.starts_at), 'endsAt', app.iso(h.ends_at),
    'channel', a.channel, 'cancelReason', CASE WHEN h.status = 'cancelled' THEN h.reason END, 'version', h.version, 'services', h.segments)
  FROM appointment a
  JOIN appointment_history h ON h.organization_id = a.organization_id AND h.appointment_id = a.id AND h.version = p_version
  WHERE a.organization_id = app.organization_id() AND a.id = p_id
$$;

-- Writes down a change of an appointment: history row, event for its location, what a repeated request is answered from.
-- Returns what the verb answers.
CREATE FUNCTION app.record_change(p_id uuid, p_action text, p_request jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_session jsonb := app.session();
  v_now jsonb := app.appointment_view(p_id);
BEGIN
  INSERT INTO appointment_history (organization_id, appointment_id, version, at, actor_kind, actor_id, action, channel, reason, note_sealed, status, starts_at, ends_at, segments)
  VALUES (app.organization_id(), p_id, (v_now ->> 'version')::int, app.session_now(), v_session ->> 'actorKind', (v_session ->> 'actorId')::uuid, p_action,
          p_request ->> 'channel', p_request ->> 'reason', decode(p_request ->> 'noteSealed', 'hex'), v_now ->> 'status',
          (v_now ->> 'startsAt')::timestamptz, (v_now ->> 'endsAt')::timestamptz, v_now -> 'services');
  PERFORM app.emit((v_now ->> 'locationId')::uuid, 'appointment.' || p_action, p_id,
    jsonb_build_object('version', v_now -> 'version', 'status', v_now -> 'status', 'startsAt', v_now -> 'startsAt', 'endsAt', v_now -> 'endsAt'));
  -- What the patient is told of it is written by a job: a booking does not wait for that. Nothing where nobody wrote the words.
  IF p_action IN ('book', 'reschedule', 'cancel') AND EXISTS (SELECT FROM message_template WHERE organization_id = app.organization_id() AND is_active) THEN
    PERFORM graphile_worker.add_job('tell-patient',
      json_build_object('organizationId', app.organization_id(), 'appointmentId', p_id, 'version', v_now -> 'version'));
  END IF;
  IF p_request ->> 'idempotency' IS NOT NULL THEN
    PERFORM app.keep_reply(p_request -> 'idempotency', jsonb_build_object('appointmentId', p_id, 'version', v_now -> 'version'), NULL);
  END IF;
  RETURN jsonb_build_object('outcome', 'done', 'appointment', v_now);
END $$;

-- True for an instant on a local day before today's; earlier today is allowed, since a walk-in is written down late.
CREATE FUNCTION app.is_before_today(p_at timestamptz, p_zone text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT (p_at AT TIME ZONE p_zone)::date < (app.session_now() AT TIME ZONE p_zone)::date
$$;

-- The segment that performs a wanted service from p_at on, or why not: the service's terms of that local date, the
-- provider's skill and shift (with buffers), the room's type.
-- p_wanted: {segmentId, serviceId, providerId, roomId}
CREATE FUNCTION app.segment_of(p_location location, p_at timestamptz, p_wanted jsonb, OUT segment app.segment, OUT refused jsonb) LANGUAGE plpgsql AS $$
DECLARE
  v_date date := (p_at AT TIME ZONE p_location.time_zone)::date;
  v_terms service_version%ROWTYPE;
  v_service_active boolean;
  v_planned record;
BEGIN
  SELECT s.is_active INTO v_service_active FROM service s WHERE s.organization_id = p_location.organization_id AND s.id = (p_wanted ->> 'serviceId')::uuid;
  IF NOT FOUND THEN
    refused := jsonb_build_object('outcome', 'not-found', 'pointer', '/serviceId');
    RETURN;
  END IF;
  SELECT v.* INTO v_terms FROM service_version v
  WHERE v.organization_id = p_location.organization_id AND v.service_id = (p_wanted ->> 'serviceId')::uuid
    AND v.effective_from <= v_date AND (v.effective_until IS NULL OR v.effective_until > v_date);
  IF NOT FOUND OR NOT v_service_active THEN
    refused := jsonb_build_object('outcome', 'refused', 'slug', 'service-not-offered', 'pointer', '/serviceId');
    RETURN;
  END IF;
  SELECT * INTO v_planned FROM app.segment_with(p_location, p_at, v_terms, p_wanted);
  segment := v_planned.segment;
  refused := v_planned.refused;
END $$;

-- A service on these terms from p_at on, with the time that its provider and room are needed.
CREATE FUNCTION app.segment_at(p_id uuid, p_terms service_version, p_provider uuid, p_room uuid, p_at timestamptz, p_room_is_fixed boolean)
RETURNS app.segment LANGUAGE sql IMMUTABLE AS $$
  SELECT ROW(p_id, p_terms.service_id, p_terms.id, p_provider, p_room,
    p_at, p_at + make_interval(mins => p_terms.duration_minutes),
    p_at - make_interval(mins => p_terms.buffer_before_minutes), p_at + make_interval(mins => p_terms.duration_minutes + p_terms.buffer_after_minutes),
    p_terms.room_type_id, p_at + make_interval(mins => p_terms.duration_minutes + p_terms.room_turnover_minutes), p_room_is_fixed)::app.segment
$$;

-- The same with the terms given: a moved visit keeps the terms it was booked with.
CREATE FUNCTION app.segment_with(p_location location, p_at timestamptz, p_terms service_version, p_wanted jsonb, OUT segment app.segment, OUT refused jsonb) LANGUAGE plpgsql AS $$
DECLARE
  v_provider uuid := (p_wanted ->> 'providerId')::uuid;
  v_room uuid := (p_wanted ->> 'roomId')::uuid;
  v_is_active boolean;
  v_has_skill boolean;
  v_suits boolean;
BEGIN
  SELECT p.is_active, EXISTS (SELECT FROM provider_service ps WHERE ps.organization_id = p.organization_id AND ps.provider_id = p.id AND ps.service_id = p_terms.service_id)
  INTO v_is_active, v_has_skill
  FROM provider p WHERE p.organization_id = p_location.organization_id AND p.id = v_provider;
  IF NOT FOUND THEN
    refused := jsonb_build_object('outcome', 'not-found', 'pointer', '/providerId');
    RETURN;
  ELSIF NOT v_is_active OR NOT v_has_skill THEN
    refused := jsonb_build_object('outcome', 'refused', 'slug', 'provider-not-qualified', 'pointer', '/providerId');
    RETURN;
  END IF;
  IF v_room IS NOT NULL THEN
    SELECT r.is_active AND r.location_id = p_location.id AND r.room_type_id IS NOT DISTINCT FROM p_terms.room_type_id INTO v_suits
    FROM room r WHERE r.organization_id = p_location.organization_id AND r.id = v_room;
    IF NOT FOUND THEN
      refused := jsonb_build_object('outcome', 'not-found', 'pointer', '/roomId');
      RETURN;
    ELSIF NOT v_suits THEN
      refused := jsonb_build_object('outcome', 'refused', 'slug', 'room-unsuitable', 'pointer', '/roomId');
      RETURN;
    END IF;
  END IF;
  segment := app.segment_at((p_wanted ->> 'segmentId')::uuid, p_terms, v_provider, v_room, p_at, v_room IS NOT NULL);
  -- Shifts that meet at midnight are one stretch of work, so both days are looked at.
  IF NOT EXISTS (
    SELECT FROM app.provider_work(p_location.organization_id, p_location.id, p_location.time_zone,
      (segment.provider_from AT TIME ZONE p_location.time_zone)::date, (segment.provider_until AT TIME ZONE p_location.time_zone)::date + 1, ARRAY[v_provider]) w
    WHERE w.work @> tstzrange(segment.provider_from, segment.provider_until)) THEN
    refused := jsonb_build_object('outcome', 'refused', 'slug', 'provider-not-working', 'pointer', '/providerId');
  END IF;
END $$;
