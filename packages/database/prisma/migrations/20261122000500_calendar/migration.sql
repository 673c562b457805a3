-- What time is open: wall time to instants, working time, open slots.
--
-- The verbs here and in the migrations that follow run on generic plans: their statements differ in nothing but ids and times, and
-- planning them anew for each call took longer than running them (the check of a shift 1.3 ms instead of 0.05).

-- What the zone adds to UTC at that moment of UTC.
CREATE FUNCTION app.utc_offset(p_at timestamp, p_zone text) RETURNS interval LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT (p_at AT TIME ZONE 'UTC') AT TIME ZONE p_zone - p_at
$$;

-- The instant of a wall time. In the hour that spring skips it is the first valid instant; in the hour that autumn repeats
-- it is the earlier one. (AT TIME ZONE alone shifts the skipped hour forward and takes the later of the repeated ones.)
CREATE FUNCTION app.instant_of(p_local timestamp, p_zone text) RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  -- By the offset that holds a day earlier, and by the one that holds a day later: the same unless the clocks change.
  v_before timestamptz := (p_local - app.utc_offset(p_local - interval '1 day', p_zone)) AT TIME ZONE 'UTC';
  v_after timestamptz := (p_local - app.utc_offset(p_local + interval '1 day', p_zone)) AT TIME ZONE 'UTC';
BEGIN
  IF v_before = v_after THEN
    RETURN v_before;
  END IF;
  RETURN coalesce(
    (SELECT min(i) FROM unnest(ARRAY[v_before, v_after]) i WHERE i AT TIME ZONE p_zone = p_local),
    (SELECT min(m) FROM generate_series(v_after, v_before, interval '1 minute') m WHERE m AT TIME ZONE p_zone >= p_local));
END $$;

-- Working time of providers at a location on local dates, from their shift rotations.
CREATE FUNCTION app.provider_work(p_organization uuid, p_location uuid, p_zone text, p_from date, p_until date, p_providers uuid[])
RETURNS TABLE (provider_id uuid, work tstzmultirange) LANGUAGE sql STABLE AS $$
  WITH days AS MATERIALIZED (
    -- The offset of a day on which it stays the same from the day before to the day after, which nearly all are.
    SELECT d AS midnight, d::date AS day,
      CASE WHEN app.utc_offset(d - interval '1 day', p_zone) = app.utc_offset(d + interval '2 days', p_zone) THEN app.utc_offset(d, p_zone) END AS utc_offset
    FROM generate_series(p_from::timestamp, (p_until - 1)::timestamp, interval '1 day') d
  )
  SELECT r.provider_id, range_agg(CASE
    WHEN d.utc_offset IS NULL THEN tstzrange(app.instant_of(d.midnight + s.starts_at::interval, p_zone), app.instant_of(d.midnight + s.ends_at::interval, p_zone))
    ELSE tstzrange((d.midnight + s.starts_at::interval - d.utc_offset) AT TIME ZONE 'UTC', (d.midnight + s.ends_at::interval - d.utc_offset) AT TIME ZONE 'UTC') END)
  FROM shift_rotation r
  JOIN shift s ON s.organization_id = r.organization_id AND s.rotation_id = r.id
  JOIN days d ON d.day >= r.effective_from AND (r.effective_until IS NULL OR d.day < r.effective_until)
    AND s.weekday = extract(isodow FROM d.day)
    -- Euclidean modulo: dates before the anchor count backwards through the pattern.
    AND s.week = ((floor((d.day - r.anchor_date) / 7.0)::int % r.weeks) + r.weeks) % r.weeks
  WHERE r.organization_id = p_organization AND r.location_id = p_location AND r.provider_id = ANY (p_providers)
    AND r.effective_from < p_until AND (r.effective_until IS NULL OR r.effective_until > p_from)
  GROUP BY r.provider_id
$$;

-- Time in which resources are taken, but for the claims of one appointment (which is about to move). A hold that has run out
-- takes nothing, whether or not its row was removed.
CREATE FUNCTION app.busy(p_organization uuid, p_resources uuid[], p_window tstzrange, p_except uuid)
RETURNS TABLE (resource_id uuid, busy tstzmultirange) LANGUAGE sql STABLE AS $$
  SELECT c.resource_id, range_agg(c.during)
  FROM unnest(p_resources) r(id)
  -- By resource and start in every plan; see app.in_the_way.
  CROSS JOIN LATERAL (
    SELECT * FROM claim
    WHERE organization_id = p_organization AND resource_id = r.id AND is_blocking
      -- No claim is longer than 25 hours: one that reaches into the window began at most that long before it.
      AND starts_at > lower(p_window) - interval '25 hours' AND starts_at < upper(p_window)
    ORDER BY starts_at OFFSET 0
  ) c
  WHERE (c.expires_at IS NULL OR c.expires_at > (SELECT app.session_now())) AND (p_except IS NULL OR c.appointment_id IS DISTINCT FROM p_except)
  GROUP BY c.resource_id
$$;

-- When a service could start within the window on these terms, per provider: work - busy with the provider's buffers, a free
-- room of the right kind, and the patient's own time for p_stay minutes. This is the one form of availability: the search,
-- the alternatives of a refusal and (by constraint) the booking itself agree on it. Ranges of starts are closed, since the last
-- one counts. Buffers, turnover and long services reach up to 16 hours from a start: a day on either side is looked at.
CREATE FUNCTION app.open_starts(p_location location, p_terms service_version, p_window tstzrange, p_providers uuid[], p_patient uuid, p_stay integer, p_except uuid)
RETURNS TABLE (provider_id uuid, starts tstzmultirange) LANGUAGE plpgsql STABLE ROWS 10 AS $$
DECLARE
  v_reach tstzrange := tstzrange(lower(p_window) - interval '1 day', upper(p_window) + interval '1 day');
  v_rooms uuid[] := ARRAY(SELECT r.id FROM room r WHERE r.organization_id = p_location.organization_id AND r.location_id = p_location.id AND r.room_type_id = p_terms.room_type_id AND r.is_active);
  v_before interval := make_interval(mins => p_terms.buffer_before_minutes);
  v_after interval := make_interval(mins => p_terms.duration_minutes + p_terms.buffer_after_minutes);
  v_in_room interval := make_interval(mins => p_terms.duration_minutes + p_terms.room_turnover_minutes);
  v_stay interval := make_interval(mins => p_stay);
BEGIN
  RETURN QUERY
  WITH taken AS MATERIALIZED (
    SELECT b.resource_id, b.busy FROM app.busy(p_location.organization_id, p_providers || v_rooms || p_patient, v_reach, p_except) b
  ), elsewhere AS MATERIALIZED (
    -- Starts that rooms and patient allow, whoever performs it.
    SELECT tstzmultirange(p_window)
      * CASE WHEN p_terms.room_type_id IS NULL THEN tstzmultirange(p_window) ELSE (
          SELECT coalesce(range_agg(tstzrange(lower(f), upper(f) - v_in_room, '[]')), '{}')
          FROM unnest(v_rooms) r(id) LEFT JOIN taken t ON t.resource_id = r.id, unnest(tstzmultirange(v_reach) - coalesce(t.busy, '{}')) f
          WHERE upper(f) - lower(f) >= v_in_room) END
      * CASE WHEN p_patient IS NULL THEN tstzmultirange(p_window) ELSE (
          SELECT coalesce(range_agg(tstzrange(lower(f), upper(f) - v_stay, '[]')), '{}')
          FROM unnest(tstzmultirange(v_reach) - coalesce((SELECT t.busy FROM taken t WHERE t.resource_id = p_patient), '{}')) f
          WHERE upper(f) - lower(f) >= v_stay) END AS starts
  )
  SELECT w.provider_id, e.starts * (
    SELECT coalesce(range_agg(tstzrange(lower(f) + v_before, upper(f) - v_after, '[]')), '{}')
    FROM unnest(w.work - coalesce(t.busy, '{}')) f WHERE upper(f) - lower(f) >= v_before + v_after)
  FROM app.provider_work(p_location.organization_id, p_location.id, p_location.time_zone,
    (lower(v_reach) AT TIME ZONE p_location.time_zone)::date, (upper(v_reach) AT TIME ZONE p_location.time_zone)::date + 1, p_providers) w
  CROSS JOIN elsewhere e
  LEFT JOIN taken t ON t.resource_id = w.provider_id;
END $$;

-- The starts that are offered: those on the local hour's multiples of p_minutes, from now on. Where the clocks change by half
-- an hour the marks of the hour move against UTC, hence finer steps and the question to the local clock.
CREATE FUNCTION app.on_grid(p_starts tstzmultirange, p_minutes integer, p_zone text) RETURNS SETOF timestamptz LANGUAGE sql STABLE ROWS 300 AS $$
  SELECT s
  FROM unnest(p_starts) r,
    LATERAL (SELECT lower(r) + make_interval(secs => (p_minutes * 60 - extract(epoch FROM lower(r) AT TIME ZONE p_zone)::bigint % (p_minutes * 60)) % (p_minutes * 60)) AS first) f,
    generate_series(f.first, upper(r), make_interval(mins => gcd(p_minutes, 30))) s
  WHERE s >= (SELECT app.session_now()) AND r @> s AND extract(epoch FROM s AT TIME ZONE p_zone)::bigint % (p_minutes * 60) = 0
$$;

-- The local dates [p_from, p_until) of a zone.
CREATE FUNCTION app.local_days(p_from date, p_until date, p_zone text) RETURNS tstzrange LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT tstzrange(app.instant_of(p_from::timestamp, p_zone), app.instant_of(p_until::timestamp, p_zone))
$$;

-- The providers who perform a service at a location that takes bookings. Those who never work there are left out early: what
-- availability costs is the claims that it reads.
CREATE FUNCTION app.providers_of(p_location location, p_service uuid) RETURNS uuid[] LANGUAGE sql STABLE AS $$
  SELECT array_agg(p.id)
  FROM provider_service ps
  JOIN provider p ON p.organization_id = ps.organization_id AND p.id = ps.provider_id AND p.is_active
  WHERE ps.organization_id = p_location.organization_id AND ps.service_id = p_service AND p_location.is_active
    AND EXISTS (SELECT FROM shift_rotation r WHERE r.organization_id = p.organization_id AND r.provider_id = p.id AND r.location_id = p_location.id)
$$;

-- Open starts of a service at a location, per provider, on local dates [p_from, p_until), in minutes since 1970-01-01T00:00Z.
-- Without dates: today and the six days after it there. No more days than p_most_days.
-- The service may change its terms inside the window: each version holds on its own dates.
CREATE FUNCTION app.find_availability(p_session jsonb, p_location uuid, p_service uuid, p_from date, p_until date, p_most_days integer, p_provider uuid, p_patient uuid)
RETURNS jsonb LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  v_organization uuid := (p_session ->> 'organizationId')::uuid;
  v_location location%ROWTYPE;
  v_is_offered boolean;
  v_providers uuid[];
  v_from date;
  v_until date;
  v_found jsonb;
BEGIN
  PERFORM app.enter(p_session);
  SELECT * INTO v_location FROM location WHERE organization_id = v_organization AND id = p_location;
  SELECT is_active INTO v_is_offered FROM service WHERE organization_id = v_organization AND id = p_service;
  IF v_location.id IS NULL THEN
    RETURN jsonb_build_object('outcome', 'not-found', 'pointer', 'locationId');
  ELSIF v_is_offered IS NULL THEN
    RETURN jsonb_build_object('outcome', 'not-found', 'pointer', 'serviceId');
  ELSIF p_provider IS NOT NULL AND NOT EXISTS (SELECT FROM provider WHERE organization_id = v_organization AND id = p_provider) THEN
    RETURN jsonb_build_object('outcome', 'not-found', 'pointer', 'providerId');
  ELSIF p_patient IS NOT NULL AND NOT EXISTS (SELECT FROM patient WHERE organization_id = v_organization AND id = p_patient) THEN
    RETURN jsonb_build_object('outcome', 'not-found', 'pointer', 'patientId');
  END IF;
  v_from := coalesce(p_from, (app.session_now() AT TIME ZONE v_location.time_zone)::date);
  v_until := coalesce(p_until, v_from + 7);
  IF v_until <= v_from OR v_until > v_from + p_most_days THEN
    RETURN jsonb_build_object('outcome', 'not-a-window');
  END IF;
  IF v_is_offered THEN
    v_providers := app.providers_of(v_location, p_service);
  END IF;
  IF p_provider IS NOT NULL THEN
    v_providers := CASE WHEN p_provider = ANY (v_providers) THEN ARRAY[p_provider] END;
  END IF;

  SELECT coalesce(jsonb_agg(jsonb_build_object('providerId', p.provider_id, 'starts', p.starts) ORDER BY p.provider_id), '[]') INTO v_found
  FROM (
    SELECT o.provider_id, jsonb_agg((extract(epoch FROM s.at) / 60)::bigint ORDER BY s.at) AS starts
    FROM service_version v
    CROSS JOIN LATERAL app.open_starts(v_location, v, app.local_days(greatest(v.effective_from, v_from), least(v.effective_until, v_until), v_location.time_zone),
      v_providers, p_patient, v.duration_minutes, NULL) o
    CROSS JOIN LATERAL app.on_grid(o.starts, v_location.slot_minutes, v_location.time_zone) s(at)
    WHERE v.organization_id = v_organization AND v.service_id = p_service AND v.effective_from < v_until AND (v.effective_until IS NULL OR v.effective_until > v_from)
    GROUP BY o.provider_id
  ) p;
  RETURN jsonb_build_object('outcome', 'done', 'timeZone', v_location.time_zone, 'from', v_from, 'to', v_until - 1, 'providers', v_found);
END $$;

-- What the alternatives of a refused visit are made from: for each of its services in order, when it could start and how long
-- it takes then, per provider, in minutes since 1970. Starts of the first service lie on the grid; the others follow it.
-- With an appointment, the visit is that one about to move: on the terms it was booked with, its own time counting as free.
-- p_request: {locationId, patientId, from, until, appointmentId, services: [{serviceId}]}
CREATE FUNCTION app.find_openings(p_session jsonb, p_request jsonb) RETURNS jsonb LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  v_organization uuid := (p_session ->> 'organizationId')::uuid;
  v_appointment uuid := (p_request ->> 'appointmentId')::uuid;
  v_from date := (p_request ->> 'from')::date;
  v_until date := (p_request ->> 'until')::date;
  v_location location%ROWTYPE;
  v_found jsonb;
BEGIN
  PERFORM app.enter(p_session);
  SELECT * INTO v_location FROM location WHERE organization_id = v_organization AND id = (p_request ->> 'locationId')::uuid;
  WITH wanted AS (
    SELECT w.position, w.service ->> 'serviceId' AS service_id, NULL::uuid AS version_id, 0 AS gap, NULL::integer AS stay
    FROM jsonb_array_elements(p_request -> 'services') WITH ORDINALITY w(service, position) WHERE v_appointment IS NULL
    UNION ALL
    SELECT s.position, s.service_id::text, s.service_version_id,
      (extract(epoch FROM s.starts_at - coalesce(lag(s.ends_at) OVER (ORDER BY s.position), s.starts_at)) / 60)::integer,
      -- The patient stays from the first service to the last, also between them.
      (extract(epoch FROM max(s.ends_at) OVER () - s.starts_at) / 60)::integer
    FROM appointment_segment s WHERE s.organization_id = v_organization AND s.appointment_id = v_appointment
  ), opening AS (
    SELECT w.position, o.provider_id, v.duration_minutes, o.starts
    FROM wanted w
    JOIN service x ON x.organization_id = v_organization AND x.id = w.service_id::uuid AND (x.is_active OR w.version_id IS NOT NULL)
    JOIN service_version v ON v.organization_id = v_organization AND v.service_id = w.service_id::uuid AND CASE
      WHEN w.version_id IS NOT NULL THEN v.id = w.version_id
      ELSE v.effective_from < v_until AND (v.effective_until IS NULL OR v.effective_until > v_from) END
    CROSS JOIN LATERAL app.open_starts(v_location, v,
      CASE WHEN w.version_id IS NOT NULL THEN app.local_days(v_from, v_until, v_location.time_zone)
        ELSE app.local_days(greatest(v.effective_from, v_from), least(v.effective_until, v_until), v_location.time_zone) END,
      app.providers_of(v_location, w.service_id::uuid), (p_request ->> 'patientId')::uuid, coalesce(w.stay, v.duration_minutes), v_appointment) o
  ), stretch AS (
    SELECT o.position, o.provider_id, o.duration_minutes, s.at AS first, s.at AS last
    FROM opening o CROSS JOIN LATERAL app.on_grid(o.starts, v_location.slot_minutes, v_location.time_zone) s(at) WHERE o.position = (SELECT min(position) FROM wanted)
    UNION ALL
    SELECT o.position, o.provider_id, o.duration_minutes, lower(r), CASE WHEN upper_inc(r) THEN upper(r) ELSE upper(r) - interval '1 minute' END
    FROM opening o CROSS JOIN LATERAL unnest(o.starts) r WHERE o.position > (SELECT min(position) FROM wanted)
  ), per_provider AS (
    SELECT position, provider_id, jsonb_agg(jsonb_build_array((extract(epoch FROM first) / 60)::bigint, (extract(epoch FROM last) / 60)::bigint, duration_minutes) ORDER BY first) AS openings
    FROM stretch GROUP BY position, provider_id
  )
  SELECT jsonb_agg(jsonb_build_object('gapMinutes', w.gap, 'providers', coalesce(
      (SELECT jsonb_agg(jsonb_build_object('providerId', p.provider_id, 'openings', p.openings) ORDER BY p.provider_id) FROM per_provider p WHERE p.position = w.position), '[]')) ORDER BY w.position)
  INTO v_found FROM wanted w;
  RETURN jsonb_build_object('services', coalesce(v_found, '[]'));
END $$;
