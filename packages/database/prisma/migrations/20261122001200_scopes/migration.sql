-- Which rows of its organization there are for a session: those of the locations where its actor may do what it came for, and, where
-- a patient or somebody in their place acts, those of that patient. Restrictive policies beside `own_organization`: whatever a verb
-- forgets to ask, a row outside of the scope is a row that is not there. `(SELECT ...)` makes each scope one look per statement.

-- p_row says what the row has to be for a session with a scope; the session sees all rows without one.
CREATE PROCEDURE app.confine(p_table regclass, p_scope text, p_row text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE POLICY own_%s ON %s AS RESTRICTIVE USING ((SELECT app.%1$s()) IS NULL OR %3$s)', p_scope, p_table, p_row);
END $$;

CALL app.confine('location', 'locations', 'id = ANY ((SELECT app.locations())::uuid[])');
CALL app.confine('room', 'locations', 'location_id = ANY ((SELECT app.locations())::uuid[])');
CALL app.confine('shift_rotation', 'locations', 'location_id = ANY ((SELECT app.locations())::uuid[])');
CALL app.confine('shift', 'locations', 'EXISTS (SELECT FROM shift_rotation r WHERE r.organization_id = shift.organization_id AND r.id = rotation_id)');
CALL app.confine('appointment', 'locations', 'location_id = ANY ((SELECT app.locations())::uuid[])');
CALL app.confine('message', 'locations', 'location_id = ANY ((SELECT app.locations())::uuid[])');
-- A stream of events is a location's.
CALL app.confine('outbox_event', 'locations', 'stream_id = ANY ((SELECT app.locations())::uuid[])');
CALL app.confine('outbox_stream', 'locations', 'stream_id = ANY ((SELECT app.locations())::uuid[])');

CALL app.confine('patient', 'patients', 'id = ANY ((SELECT app.patients())::uuid[])');
CALL app.confine('patient_name_word', 'patients', 'patient_id = ANY ((SELECT app.patients())::uuid[])');
CALL app.confine('patient_relation', 'patients', 'patient_id = ANY ((SELECT app.patients())::uuid[]) AND related_id = ANY ((SELECT app.patients())::uuid[])');
CALL app.confine('appointment', 'patients', 'patient_id = ANY ((SELECT app.patients())::uuid[])');
CALL app.confine('message', 'patients', 'patient_id = ANY ((SELECT app.patients())::uuid[])');

-- What belongs to a visit is there when the visit is, which the visit's own policies say. One policy for both scopes.
CREATE POLICY own_visits ON appointment_segment AS RESTRICTIVE USING (
  ((SELECT app.locations()) IS NULL AND (SELECT app.patients()) IS NULL)
  OR EXISTS (SELECT FROM appointment a WHERE a.organization_id = appointment_segment.organization_id AND a.id = appointment_id));
CREATE POLICY own_visits ON appointment_history AS RESTRICTIVE USING (
  ((SELECT app.locations()) IS NULL AND (SELECT app.patients()) IS NULL)
  OR EXISTS (SELECT FROM appointment a WHERE a.organization_id = appointment_history.organization_id AND a.id = appointment_id));

-- A patient writes what others read, and does not read what was written of others.
CREATE POLICY no_patients ON outbox_event AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);
CREATE POLICY no_patients ON audit_log AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);
CREATE POLICY no_patients ON access_log AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);
CREATE POLICY no_patients ON message_consent AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);
CREATE POLICY no_patients ON staff_account AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);
CREATE POLICY no_patients ON staff_session AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);
CREATE POLICY no_patients ON staff_secret AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
