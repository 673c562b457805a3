-- The live calendar: what happens at locations, for processes that tell it on as it happens, and the calendar feeds of providers. The
-- table is as Prisma drafts it; below it stands what Prisma cannot express.

-- CreateTable
CREATE TABLE "calendar_feed" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "provider_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "calendar_feed_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateIndex
CREATE INDEX "calendar_feed_organization_id_provider_id_idx" ON "calendar_feed"("organization_id", "provider_id");

-- CreateIndex
CREATE UNIQUE INDEX "calendar_feed_organization_id_token_hash_key" ON "calendar_feed"("organization_id", "token_hash");

-- AddForeignKey
ALTER TABLE "calendar_feed" ADD CONSTRAINT "calendar_feed_organization_id_provider_id_fkey" FOREIGN KEY ("organization_id", "provider_id") REFERENCES "provider"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- ── protection ───────────────────────────────────────────────────────────────────────────────────────────────────────

CALL app.protect('calendar_feed');
CREATE POLICY no_patients ON calendar_feed AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);
ALTER TABLE calendar_feed ADD CONSTRAINT calendar_feed_token CHECK (octet_length(token_hash) = 32);

-- ── what happens at locations ────────────────────────────────────────────────────────────────────────────────────────

-- The number of the last event at a location; null where the location is not there for the session.
CREATE FUNCTION app.last_event(p_session jsonb, p_location uuid) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM app.enter(p_session);
  RETURN (
    SELECT coalesce(s.last_sequence, 0)
    FROM location l LEFT JOIN outbox_stream s ON s.organization_id = l.organization_id AND s.stream_id = l.id
    WHERE l.organization_id = app.organization_id() AND l.id = p_location);
END $$;

-- What happened at locations of any organizations since, at most p_limit events of each, in order: one look of a process for all who
-- listen to it. A session of each organization is entered in turn, confined to the locations that are asked for, so that row-level
-- security stands between them as it does between requests.
-- p_places: [{organizationId, locationId, after}]
CREATE FUNCTION app.events_since(p_session jsonb, p_places jsonb, p_limit integer) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_of record;
  v_found jsonb;
  v_all jsonb := '[]';
BEGIN
  FOR v_of IN
    SELECT p."organizationId" AS organization_id, jsonb_agg(p."locationId") AS location_ids
    FROM jsonb_to_recordset(p_places) p("organizationId" uuid, "locationId" uuid) GROUP BY 1
  LOOP
    PERFORM app.enter(p_session || jsonb_build_object('organizationId', v_of.organization_id, 'locations', v_of.location_ids));
    SELECT jsonb_agg(jsonb_build_object('organizationId', e.organization_id, 'locationId', e.stream_id, 'event', jsonb_build_object(
        'sequence', e.sequence, 'type', e.type, 'subjectId', e.subject_id, 'payload', e.payload, 'at', app.iso(e.at))) ORDER BY e.stream_id, e.sequence)
    INTO v_found
    FROM jsonb_to_recordset(p_places) p("organizationId" uuid, "locationId" uuid, after bigint)
    CROSS JOIN LATERAL (
      SELECT * FROM outbox_event o
      WHERE o.organization_id = v_of.organization_id AND o.stream_id = p."locationId" AND o.sequence > p.after ORDER BY o.sequence LIMIT p_limit) e
    WHERE p."organizationId" = v_of.organization_id;
    v_all := v_all || coalesce(v_found, '[]');
  END LOOP;
  RETURN v_all;
END $$;

-- ── feeds ────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Adds a feed for the provider that the actor is; false when they are none who takes bookings. Their row is held, so that whoever ends
-- them meanwhile ends this feed as well, or comes first.
CREATE FUNCTION app.add_calendar_feed(p_id uuid, p_name text, p_token_hash bytea) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO calendar_feed (organization_id, id, provider_id, name, token_hash, created_at)
  SELECT p.organization_id, p_id, p.id, p_name, p_token_hash, app.session_now() FROM (
    SELECT * FROM provider WHERE organization_id = app.organization_id() AND staff_id = (app.session() ->> 'actorId')::uuid AND is_active FOR SHARE) p;
  RETURN FOUND;
END $$;

-- A provider who takes no bookings any more has no feed either, and none comes back with them. Off-boarding ends a provider too.
CREATE FUNCTION app.end_calendar_feeds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE calendar_feed SET revoked_at = app.session_now() WHERE organization_id = NEW.organization_id AND provider_id = NEW.id AND revoked_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER end_calendar_feeds AFTER UPDATE OF is_active ON provider FOR EACH ROW WHEN (OLD.is_active AND NOT NEW.is_active)
  EXECUTE FUNCTION app.end_calendar_feeds();

-- Whose feed a token opens and what their roles are, or null: none, revoked, or of somebody who left. The address names its organization,
-- so this sees no further than anybody.
CREATE FUNCTION app.find_calendar_feed(p_session jsonb, p_token_hash bytea) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM app.enter(p_session);
  RETURN (
    SELECT jsonb_build_object('providerId', p.id, 'staffId', p.staff_id, 'roles', app.roles_of(p.staff_id))
    FROM calendar_feed f
    JOIN provider p ON p.organization_id = f.organization_id AND p.id = f.provider_id
    JOIN staff t ON t.organization_id = p.organization_id AND t.id = p.staff_id
    WHERE f.organization_id = app.organization_id() AND f.token_hash = p_token_hash AND f.revoked_at IS NULL AND p.is_active AND t.is_active);
END $$;

-- What a provider does from p_from until p_until: of the patients their initials, which leave the database and their names do not. By the
-- claims on the provider's time, which an index finds.
CREATE FUNCTION app.feed_entries(p_provider uuid, p_from timestamptz, p_until timestamptz)
RETURNS TABLE (id uuid, patient_id uuid, initials text, service text, starts_at timestamptz, ends_at timestamptz, version integer, changed_at timestamptz) LANGUAGE sql STABLE AS $$
  SELECT s.id, a.patient_id, upper(left(coalesce(p.preferred_name, p.given_name), 1) || left(p.family_name, 1)), v.name, s.starts_at, s.ends_at, a.version, h.at
  FROM appointment a
  JOIN appointment_segment s ON s.organization_id = a.organization_id AND s.appointment_id = a.id
  JOIN appointment_history h ON h.organization_id = a.organization_id AND h.appointment_id = a.id AND h.version = a.version
  JOIN patient p ON p.organization_id = a.organization_id AND p.id = a.patient_id
  JOIN service v ON v.organization_id = s.organization_id AND v.id = s.service_id
  WHERE a.organization_id = app.organization_id() AND a.status NOT IN ('cancelled', 'no_show')
    AND s.provider_id = p_provider AND s.ends_at > p_from AND s.starts_at < p_until
    AND a.id IN (
      SELECT c.appointment_id FROM claim c
      -- No claim is longer than 25 hours.
      WHERE c.organization_id = app.organization_id() AND c.resource_id = p_provider AND c.kind = 'booking'
        AND c.starts_at > p_from - interval '25 hours' AND c.starts_at < p_until)
  ORDER BY s.starts_at, s.id LIMIT 1000
$$;

-- Feeds are revoked and stay.
GRANT SELECT, INSERT ON calendar_feed TO app_rw;
GRANT UPDATE (revoked_at) ON calendar_feed TO app_rw;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
