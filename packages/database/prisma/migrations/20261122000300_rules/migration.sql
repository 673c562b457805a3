-- What cannot happen, said by constraints.

-- ── identity ─────────────────────────────────────────────────────────────────────────────────────────────────────────
CREATE FUNCTION app.is_time_zone(p_name text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  PERFORM now() AT TIME ZONE p_name;
  RETURN p_name = 'UTC' OR p_name ~ '^[A-Z][A-Za-z_]+(/[A-Z][A-Za-z0-9_+-]+)+$';
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN false;
END $$;

ALTER TABLE organization ADD CONSTRAINT organization_name_given CHECK (name <> '');
ALTER TABLE legal_entity ADD CONSTRAINT legal_entity_currency_code CHECK (currency ~ '^[A-Z]{3}$');
ALTER TABLE location
  ADD CONSTRAINT location_time_zone_known CHECK (app.is_time_zone(time_zone)),
  ADD CONSTRAINT location_slot_divides_hour CHECK (slot_minutes IN (5, 10, 15, 20, 30, 60));

-- ── patients ─────────────────────────────────────────────────────────────────────────────────────────────────────────
-- The form in which names are compared and sorted, so that "muller" finds Müller and "o'brien" finds O’Brien: small letters
-- without accents, and letters that Unicode does not take apart spelled out.
CREATE FUNCTION app.name_key(p_name text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT replace(replace(replace(replace(translate(
    regexp_replace(lower(normalize(p_name, NFKD) COLLATE "pg_c_utf8"), U&'[\0300-\036f]', '', 'g'),
    'øłđðı’‘ʼ`', 'olddi'''''''''), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')
$$;

-- In byte order, in which lists are sorted and all words with one beginning are a range. LIKE could not use an index here:
-- row-level security lets only leakproof operators near the rows, and the comparisons of text are.
ALTER TABLE patient
  ADD COLUMN family_name_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (app.name_key(family_name)) STORED,
  ADD COLUMN given_name_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (app.name_key(given_name)) STORED;
CREATE INDEX patient_by_name ON patient (organization_id, family_name_key, given_name_key, id);
ALTER TABLE patient_name_word ALTER COLUMN word TYPE text COLLATE "C";

-- The words by whose beginning somebody of that name is found: those of the name, the later parts of a word with a hyphen or an
-- apostrophe, and such a word in one. De la Cruz-O'Hara: de, la, cruz-o'hara, o'hara, hara, cruzohara.
CREATE FUNCTION app.name_words(p_name text) RETURNS SETOF text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT DISTINCT w.word
  FROM regexp_split_to_table(app.name_key(p_name), '[\s,]+') t(whole), LATERAL (
    SELECT substr(t.whole, i) FROM generate_series(1, length(t.whole)) i WHERE i = 1 OR substr(t.whole, i - 1, 1) IN ('-', '''')
    UNION ALL
    SELECT translate(t.whole, '-''', '')
  ) w(word)
  WHERE w.word <> ''
$$;

CREATE FUNCTION app.index_names() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM public.patient_name_word WHERE organization_id = NEW.organization_id AND patient_id = NEW.id;
  END IF;
  INSERT INTO public.patient_name_word (organization_id, word, patient_id)
  SELECT DISTINCT NEW.organization_id, w.word, NEW.id
  FROM unnest(ARRAY[NEW.given_name, NEW.family_name, NEW.preferred_name]) n(name), app.name_words(n.name) w(word);
  RETURN NULL;
END $$;
CREATE TRIGGER index_names AFTER INSERT OR UPDATE OF given_name, family_name, preferred_name ON patient FOR EACH ROW EXECUTE FUNCTION app.index_names();

ALTER TABLE patient
  ADD CONSTRAINT patient_not_merged_into_itself CHECK (merged_into_id <> id),
  ADD CONSTRAINT patient_merged_is_inactive CHECK (merged_into_id IS NULL OR NOT is_active),
  ADD CONSTRAINT patient_deceased_is_inactive CHECK (deceased_on IS NULL OR NOT is_active);
ALTER TABLE patient_relation
  ADD CONSTRAINT patient_relation_not_to_itself CHECK (related_id <> patient_id),
  ADD CONSTRAINT patient_relation_kind CHECK (kind IN ('parent', 'child', 'guardian', 'ward', 'spouse', 'partner', 'sibling', 'caregiver', 'payer', 'other'));

-- ── catalog ──────────────────────────────────────────────────────────────────────────────────────────────────────────
-- C1: "Laser" and "laser" are one name (composition is settled before a name gets here).
CREATE UNIQUE INDEX room_type_organization_id_name_key ON room_type (organization_id, lower(name COLLATE "pg_c_utf8"));
CREATE UNIQUE INDEX service_organization_id_name_key ON service (organization_id, lower(name COLLATE "pg_c_utf8"));
CREATE UNIQUE INDEX room_organization_id_location_id_name_key ON room (organization_id, location_id, lower(name COLLATE "pg_c_utf8"));

-- A version that ends on the day on which it begins was withdrawn: its range is empty and in nobody's way.
ALTER TABLE service_version
  ADD CONSTRAINT service_version_dates CHECK (effective_until IS NULL OR effective_until >= effective_from),
  ADD CONSTRAINT service_version_duration CHECK (duration_minutes BETWEEN 5 AND 720 AND duration_minutes % 5 = 0),
  ADD CONSTRAINT service_version_buffer_before CHECK (buffer_before_minutes BETWEEN 0 AND 240 AND buffer_before_minutes % 5 = 0),
  ADD CONSTRAINT service_version_buffer_after CHECK (buffer_after_minutes BETWEEN 0 AND 240 AND buffer_after_minutes % 5 = 0),
  ADD CONSTRAINT service_version_turnover CHECK (room_turnover_minutes BETWEEN 0 AND 240 AND room_turnover_minutes % 5 = 0),
  ADD CONSTRAINT service_version_one_at_a_time EXCLUDE USING gist (
    organization_id WITH =, service_id WITH =, daterange(effective_from, effective_until) WITH &&);

ALTER TABLE service_price
  ADD CONSTRAINT service_price_dates CHECK (effective_until IS NULL OR effective_until >= effective_from),
  ADD CONSTRAINT service_price_not_negative CHECK (price_cents >= 0),
  ADD CONSTRAINT service_price_one_at_a_time EXCLUDE USING gist (
    organization_id WITH =, service_id WITH =, legal_entity_id WITH =, daterange(effective_from, effective_until) WITH &&);

-- The day it is for the organization: the latest one at its locations, so that an earlier day is over at one of them. Before
-- the first location opens no day is over until it is over everywhere (UTC-12).
CREATE FUNCTION app.organization_today() RETURNS date LANGUAGE sql STABLE AS $$
  SELECT coalesce(max((app.session_now() AT TIME ZONE l.time_zone)::date), (app.session_now() AT TIME ZONE 'Etc/GMT+12')::date)
  FROM location l WHERE l.organization_id = app.organization_id() AND l.is_active
$$;

-- C2, C3: days that are over keep their terms and prices. No version that is over changes, and none is ended before today ...
CREATE FUNCTION app.keep_past_versions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF least(OLD.effective_until, NEW.effective_until) < app.organization_today() THEN
    RAISE EXCEPTION 'past days of % stay as they were', TG_TABLE_NAME USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_past_stays';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER keep_past BEFORE UPDATE ON service_version FOR EACH ROW EXECUTE FUNCTION app.keep_past_versions();
CREATE TRIGGER keep_past BEFORE UPDATE ON service_price FOR EACH ROW EXECUTE FUNCTION app.keep_past_versions();

-- ... and what is added begins today or later, unless nothing was there: the first versions of a service, or the first prices
-- of a legal entity, may tell of the past. They come in one statement.
CREATE FUNCTION app.add_no_past_versions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_is_late boolean;
BEGIN
  IF TG_TABLE_NAME = 'service_version' THEN
    v_is_late := EXISTS (
      SELECT FROM added a JOIN service_version v ON v.organization_id = a.organization_id AND v.service_id = a.service_id
      WHERE a.effective_from < app.organization_today() AND v.id NOT IN (SELECT id FROM added));
  ELSE
    v_is_late := EXISTS (
      SELECT FROM added a JOIN service_price v ON v.organization_id = a.organization_id AND v.service_id = a.service_id AND v.legal_entity_id = a.legal_entity_id
      WHERE a.effective_from < app.organization_today() AND v.id NOT IN (SELECT id FROM added));
  END IF;
  IF v_is_late THEN
    RAISE EXCEPTION 'past days of % stay as they were', TG_TABLE_NAME USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_past_stays';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER add_no_past AFTER INSERT ON service_version REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION app.add_no_past_versions();
CREATE TRIGGER add_no_past AFTER INSERT ON service_price REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION app.add_no_past_versions();

-- ── scheduling ───────────────────────────────────────────────────────────────────────────────────────────────────────
ALTER TABLE resource ADD CONSTRAINT resource_kind CHECK (kind IN ('provider', 'room', 'device', 'patient'));

ALTER TABLE claim
  ADD CONSTRAINT claim_kind CHECK (kind IN ('booking', 'hold', 'block', 'time_off')),
  ADD CONSTRAINT claim_range CHECK (NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during) AND NOT lower_inf(during) AND NOT upper_inf(during)),
  -- Time off is one claim a day. So a reader of a day looks back one day and has seen every claim that reaches into it.
  ADD CONSTRAINT claim_within_a_day CHECK (upper(during) - lower(during) <= interval '25 hours'),
  ADD CONSTRAINT claim_hold_expires CHECK ((kind = 'hold') = (expires_at IS NOT NULL)),
  ADD CONSTRAINT claim_booking_names_appointment CHECK (kind <> 'booking' OR appointment_id IS NOT NULL),
  -- S1: one resource, one place at a time.
  ADD CONSTRAINT claim_no_overlap EXCLUDE USING gist (
    organization_id WITH =, resource_id WITH =, during WITH &&) WHERE (is_blocking);
-- A calendar reads the claims of a few resources over some days. The start is a column of its own for that: row-level security
-- lets only leakproof operators near the rows, which comparisons of timestamps are and those of ranges are not. By the ranges
-- alone every claim that a room ever had would be read (with a year of claims: 170 ms for ten providers instead of 4).
ALTER TABLE claim ADD COLUMN starts_at timestamptz NOT NULL GENERATED ALWAYS AS (lower(during)) STORED;
CREATE INDEX claim_by_resource_and_start ON claim (organization_id, resource_id, starts_at) WHERE is_blocking;

ALTER TABLE shift_rotation
  ADD CONSTRAINT shift_rotation_weeks CHECK (weeks BETWEEN 1 AND 8),
  ADD CONSTRAINT shift_rotation_anchor_is_monday CHECK (extract(isodow FROM anchor_date) = 1),
  ADD CONSTRAINT shift_rotation_dates CHECK (effective_until IS NULL OR effective_until >= effective_from),
  ADD CONSTRAINT shift_rotation_one_at_a_time EXCLUDE USING gist (
    organization_id WITH =, provider_id WITH =, location_id WITH =, daterange(effective_from, effective_until) WITH &&);
ALTER TABLE shift
  ADD CONSTRAINT shift_week_of_rotation CHECK (week >= 0 AND week < weeks),
  ADD CONSTRAINT shift_weekday CHECK (weekday BETWEEN 1 AND 7),
  ADD CONSTRAINT shift_ends_after_start CHECK (ends_at > starts_at),
  ADD CONSTRAINT shift_no_overlap EXCLUDE USING gist (
    organization_id WITH =, rotation_id WITH =, week WITH =, weekday WITH =,
    int4range((extract(epoch FROM starts_at) / 60)::int, (extract(epoch FROM ends_at) / 60)::int) WITH &&);

ALTER TABLE appointment
  ADD CONSTRAINT appointment_status CHECK (status IN ('booked', 'confirmed', 'arrived', 'roomed', 'numbing', 'treating', 'checkout', 'left', 'cancelled', 'no_show')),
  ADD CONSTRAINT appointment_channel CHECK (channel IN ('desk', 'phone', 'online', 'import')),
  ADD CONSTRAINT appointment_ends_after_start CHECK (ends_at > starts_at),
  ADD CONSTRAINT appointment_cancelled_for_a_reason CHECK ((status = 'cancelled') = (cancel_reason IS NOT NULL)),
  ADD CONSTRAINT appointment_cancel_reason CHECK (cancel_reason IN ('patient_request', 'patient_unwell', 'provider_unavailable', 'room_unavailable', 'clinic_closed', 'booked_in_error', 'other'));
ALTER TABLE appointment_segment
  ADD CONSTRAINT appointment_segment_position CHECK (position >= 0),
  ADD CONSTRAINT appointment_segment_ends_after_start CHECK (ends_at > starts_at);

-- ── platform ─────────────────────────────────────────────────────────────────────────────────────────────────────────
ALTER TABLE idempotency_key
  ADD CONSTRAINT idempotency_key_hash_size CHECK (octet_length(body_hash) = 32),
  ADD CONSTRAINT idempotency_key_one_answer CHECK (num_nonnulls(reply_sealed, outcome) = 1),
  -- What stands in the clear points to an answer and holds nothing of it.
  ADD CONSTRAINT idempotency_key_outcome_points CHECK (outcome ?& ARRAY['appointmentId', 'version'] AND outcome - 'appointmentId' - 'version' = '{}');
ALTER TABLE outbox_event ADD CONSTRAINT outbox_event_sequence CHECK (sequence > 0);
