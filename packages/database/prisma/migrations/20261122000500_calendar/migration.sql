-- Reading the calendar: wall time to instants, working time, open slots, one day of a location.

-- The instant of a wall time. In the hour that spring skips it is the first valid instant; in the hour that autumn repeats
-- it is the earlier one. (AT TIME ZONE alone shifts the skipped hour forward and takes the later of the repeated ones.)
CREATE FUNCTION app.instant_of(p_local timestamp, p_zone text) RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  v_instant timestamptz := p_local AT TIME ZONE p_zone;
  v_minute timestamptz;
BEGIN
  -- No clock change in the four hours around: the ordinary case.
  IF (v_instant - interval '4 hours') AT TIME ZONE p_zone = p_local - interval '4 hours' AND v_instant AT TIME ZONE p_zone = p_local THEN
    RETURN v_instant;
  END IF;
  SELECT m INTO v_minute
  FROM generate_series(v_instant - interval '4 hours', v_instant + interval '4 hours', interval '1 minute') m
  WHERE m AT TIME ZONE p_zone >= p_local
  ORDER BY m LIMIT 1;
  RETURN coalesce(v_minute, v_instant);
END $$;

-- Working time of providers at a location on local dates, from their shift rotations.
CREATE FUNCTION app.provider_work(p_organization uuid, p_location uuid, p_zone text, p_from date, p_until date, p_providers uuid[])
RETURNS TABLE (provider_id uuid, work tstzmultirange) LANGUAGE sql STABLE AS $$
  SELECT r.provider_id, range_agg(tstzrange(app.instant_of(d.day + s.starts_at, p_zone), app.instant_of(d.day + s.ends_at, p_zone)))
  FROM shift_rotation r
  CROSS JOIN LATERAL (
    SELECT g::date AS day
    FROM generate_series(greatest(r.effective_from, p_from)::timestamp, (least(coalesce(r.effective_until, p_until), p_until) - 1)::timestamp, interval '1 day') g
  ) d
  JOIN shift s ON s.organization_id = r.organization_id AND s.rotation_id = r.id
    AND s.weekday = extract(isodow FROM d.day)
    -- Euclidean modulo: dates before the anchor count backwards through the pattern.
    AND s.week = ((floor((d.day - r.anchor_date) / 7.0)::int % r.weeks) + r.weeks) % r.weeks
  WHERE r.organization_id = p_organization AND r.location_id = p_location AND r.provider_id = ANY (p_providers)
    AND r.effective_from < p_until AND (r.effective_until IS NULL OR r.effective_until > p_from)
  GROUP BY r.provider_id
$$;

-- Time in which a resource is taken. A hold that has run out takes nothing, whether or not its row was removed.
CREATE FUNCTION app.busy(p_organization uuid, p_resources uuid[], p_window tstzrange, p_now timestamptz)
RETURNS TABLE (resource_id uuid, busy tstzmultirange) LANGUAGE sql STABLE AS $$
  SELECT c.resource_id, range_agg(c.during)
  FROM unnest(p_resources) r(id)
  JOIN claim c ON c.organization_id = p_organization AND c.resource_id = r.id
  WHERE c.is_blocking AND (c.expires_at IS NULL OR c.expires_at > p_now)
    -- No claim is longer than 25 hours, which lets the b-tree on the start answer; && decides.
    AND lower(c.during) >= lower(p_window) - interval '25 hours' AND lower(c.during) < upper(p_window) AND c.during && p_window
  GROUP BY c.resource_id
$$;

-- Starts from which a stretch of (minutes before, minutes after) lies in free time: closed ranges, since the last start counts.
CREATE FUNCTION app.starts_in(p_free tstzmultirange, p_before integer, p_after integer) RETURNS tstzmultirange LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT range_agg(tstzrange(lower(f) + make_interval(mins => p_before), upper(f) - make_interval(mins => p_after), '[]'))
  FROM unnest(p_free) f
  WHERE upper(f) - make_interval(mins => p_after) >= lower(f) + make_interval(mins => p_before)
$$;

-- Open starts of a service at a location, per provider, on local dates [p_from, p_until). This is the SQL form of
-- availability: work - busy, with buffers, a free room of the right kind and, when named, the patient's own time.
-- Null when the location or the service does not exist. Starts are minutes since 1970-01-01T00:00Z.
CREATE FUNCTION app.find_availability(p_session jsonb, p_location uuid, p_service uuid, p_from date, p_until date, p_provider uuid, p_patient uuid)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_organization uuid := (p_session ->> 'organizationId')::uuid;
  v_now timestamptz := (p_session ->> 'now')::timestamptz;
  v_location location%ROWTYPE;
  v_window tstzrange;
  v_providers uuid[];
  v_found jsonb;
  v_minutes integer;
BEGIN
  PERFORM app.enter(p_session);
  SELECT * INTO v_location FROM location WHERE organization_id = v_organization AND id = p_location;
  IF NOT FOUND OR NOT EXISTS (SELECT FROM service WHERE organization_id = v_organization AND id = p_service) THEN
    RETURN NULL;
  END IF;
  v_window := tstzrange(app.instant_of(p_from::timestamp, v_location.time_zone), app.instant_of(p_until::timestamp, v_location.time_zone));
  SELECT array_agg(p.id) INTO v_providers
  FROM provider_service ps
  JOIN provider p ON p.organization_id = ps.organization_id AND p.id = ps.provider_id AND p.is_active
  JOIN service s ON s.organization_id = ps.organization_id AND s.id = ps.service_id AND s.is_active
  WHERE ps.organization_id = v_organization AND ps.service_id = p_service AND v_location.is_active AND (p_provider IS NULL OR p.id = p_provider);

  WITH terms AS MATERIALIZED (
    -- The service may change its terms inside the window: each version holds on its own dates.
    SELECT v.*, tstzrange(app.instant_of(greatest(v.effective_from, p_from)::timestamp, v_location.time_zone),
                          app.instant_of(least(coalesce(v.effective_until, p_until), p_until)::timestamp, v_location.time_zone)) AS holds
    FROM service_version v
    WHERE v.organization_id = v_organization AND v.service_id = p_service AND v.effective_from < p_until AND (v.effective_until IS NULL OR v.effective_until > p_from)
  ), free_provider AS MATERIALIZED (
    SELECT w.provider_id, w.work - coalesce(b.busy, '{}') AS free
    FROM app.provider_work(v_organization, p_location, v_location.time_zone, p_from, p_until, v_providers) w
    LEFT JOIN app.busy(v_organization, v_providers, v_window, v_now) b ON b.resource_id = w.provider_id
  ), free_room AS MATERIALIZED (
    SELECT r.room_type_id, tstzmultirange(tstzrange(lower(v_window), upper(v_window) + interval '1 day')) - coalesce(b.busy, '{}') AS free
    FROM room r
    LEFT JOIN app.busy(v_organization, (SELECT array_agg(id) FROM room WHERE organization_id = v_organization AND location_id = p_location AND is_active),
                       tstzrange(lower(v_window), upper(v_window) + interval '1 day'), v_now) b ON b.resource_id = r.id
    WHERE r.organization_id = v_organization AND r.location_id = p_location AND r.is_active AND r.room_type_id IN (SELECT room_type_id FROM terms)
  ), free_patient AS MATERIALIZED (
    SELECT tstzmultirange(v_window) - coalesce((SELECT busy FROM app.busy(v_organization, ARRAY[p_patient], v_window, v_now)), '{}') AS free
  ), open AS (
    SELECT f.provider_id,
      app.starts_in(f.free, t.buffer_before_minutes, t.duration_minutes + t.buffer_after_minutes)
        * tstzmultirange(t.holds)
        * CASE WHEN t.room_type_id IS NULL THEN tstzmultirange(v_window)
          ELSE coalesce((SELECT range_agg(x) FROM free_room r, unnest(app.starts_in(r.free, 0, t.duration_minutes + t.room_turnover_minutes)) x
                         WHERE r.room_type_id = t.room_type_id), '{}') END
        * CASE WHEN p_patient IS NULL THEN tstzmultirange(v_window)
          ELSE coalesce(app.starts_in((SELECT free FROM free_patient), 0, t.duration_minutes), '{}') END AS starts
    FROM free_provider f CROSS JOIN terms t
  ), slot AS (
    SELECT o.provider_id, s.start
    FROM open o, unnest(o.starts) r,
      -- The grid is local: multiples of slot_minutes of the local hour, whatever the zone's offset.
      LATERAL (SELECT lower(r) + make_interval(secs => (v_location.slot_minutes * 60 - extract(epoch FROM lower(r) AT TIME ZONE v_location.time_zone)::bigint % (v_location.slot_minutes * 60)) % (v_location.slot_minutes * 60)) AS first) a,
      generate_series(a.first, upper(r), make_interval(mins => v_location.slot_minutes)) s(start)
    WHERE s.start >= v_now AND (upper_inc(r) OR s.start < upper(r))
  ), per_provider AS (
    SELECT provider_id, jsonb_agg((extract(epoch FROM start) / 60)::bigint ORDER BY start) AS starts FROM slot GROUP BY provider_id
  )
  SELECT coalesce(jsonb_agg(jsonb_build_object('providerId', provider_id, 'starts', starts) ORDER BY provider_id), '[]'), (SELECT duration_minutes FROM terms ORDER BY effective_from LIMIT 1)
  INTO v_found, v_minutes FROM per_provider;

  RETURN jsonb_build_object('timeZone', v_location.time_zone, 'durationMinutes', coalesce(v_minutes, 0), 'providers', v_found);
END $$;

-- One local day of a location: every appointment with what the front desk needs to see, in order of time. Logs the access.
CREATE FUNCTION app.location_day(p_session jsonb, p_location uuid, p_date date) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_organization uuid := (p_session ->> 'organizationId')::uuid;
  v_zone text;
  v_window tstzrange;
  v_patients uuid[];
  v_appointments jsonb;
BEGIN
  PERFORM app.enter(p_session);
  SELECT time_zone INTO v_zone FROM location WHERE organization_id = v_organization AND id = p_location;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  v_window := tstzrange(app.instant_of(p_date::timestamp, v_zone), app.instant_of((p_date + 1)::timestamp, v_zone));
  SELECT array_agg(DISTINCT a.patient_id), jsonb_agg(jsonb_build_object(
      'id', a.id, 'status', a.status, 'startsAt', app.iso(a.starts_at), 'endsAt', app.iso(a.ends_at), 'channel', a.channel, 'version', a.version,
      'patient', jsonb_build_object('id', p.id, 'name', coalesce(p.preferred_name, p.given_name) || ' ' || p.family_name, 'pronouns', p.pronouns),
      'services', g.services) ORDER BY a.starts_at, a.id)
  INTO v_patients, v_appointments
  FROM appointment a
  JOIN patient p ON p.organization_id = a.organization_id AND p.id = a.patient_id
  CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'serviceId', s.service_id, 'serviceName', v.name, 'providerId', s.provider_id, 'providerName', pr.display_name,
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
  RETURN jsonb_build_object('timeZone', v_zone, 'appointments', coalesce(v_appointments, '[]'));
END $$;

-- An instant as JavaScript writes it.
CREATE FUNCTION app.iso(p_at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
