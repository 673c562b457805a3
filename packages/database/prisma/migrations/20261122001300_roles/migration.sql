-- Which roles people were given, roles that organizations make themselves, and invitations. The tables are as Prisma drafts them;
-- below them stands what it cannot express.

-- CreateTable
CREATE TABLE "custom_role" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "permissions" TEXT[],
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "custom_role_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "staff_role" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "staff_id" UUID NOT NULL,
    "role" TEXT,
    "custom_role_id" UUID,
    "location_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "staff_role_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "staff_invitation" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "staff_id" UUID NOT NULL,
    "invited_by_id" UUID NOT NULL,
    "delivery" TEXT NOT NULL,
    "token_hash" BYTEA,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "staff_invitation_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateIndex
CREATE INDEX "staff_role_organization_id_custom_role_id_idx" ON "staff_role"("organization_id", "custom_role_id");

-- CreateIndex
CREATE INDEX "staff_role_organization_id_location_id_idx" ON "staff_role"("organization_id", "location_id");

-- CreateIndex
CREATE INDEX "staff_invitation_organization_id_invited_by_id_idx" ON "staff_invitation"("organization_id", "invited_by_id");

-- CreateIndex
CREATE UNIQUE INDEX "staff_invitation_organization_id_staff_id_key" ON "staff_invitation"("organization_id", "staff_id");

-- CreateIndex
CREATE UNIQUE INDEX "staff_invitation_organization_id_token_hash_key" ON "staff_invitation"("organization_id", "token_hash");

-- AddForeignKey
ALTER TABLE "custom_role" ADD CONSTRAINT "custom_role_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "staff_role" ADD CONSTRAINT "staff_role_organization_id_staff_id_fkey" FOREIGN KEY ("organization_id", "staff_id") REFERENCES "staff"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "staff_role" ADD CONSTRAINT "staff_role_organization_id_custom_role_id_fkey" FOREIGN KEY ("organization_id", "custom_role_id") REFERENCES "custom_role"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "staff_role" ADD CONSTRAINT "staff_role_organization_id_location_id_fkey" FOREIGN KEY ("organization_id", "location_id") REFERENCES "location"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "staff_invitation" ADD CONSTRAINT "staff_invitation_organization_id_staff_id_fkey" FOREIGN KEY ("organization_id", "staff_id") REFERENCES "staff"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "staff_invitation" ADD CONSTRAINT "staff_invitation_organization_id_invited_by_id_fkey" FOREIGN KEY ("organization_id", "invited_by_id") REFERENCES "staff"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- ── protection ───────────────────────────────────────────────────────────────────────────────────────────────────────

CALL app.protect('custom_role');
CALL app.protect('staff_role');
CALL app.protect('staff_invitation');
CALL app.confine('staff_role', 'locations', 'location_id = ANY ((SELECT app.locations())::uuid[])');
CREATE POLICY no_patients ON custom_role AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);
CREATE POLICY no_patients ON staff_role AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);
CREATE POLICY no_patients ON staff_invitation AS RESTRICTIVE FOR SELECT USING ((SELECT app.patients()) IS NULL);

ALTER TABLE custom_role
  ADD CONSTRAINT custom_role_name_given CHECK (name <> ''),
  ADD CONSTRAINT custom_role_permissions CHECK (cardinality(permissions) > 0 AND array_position(permissions, NULL) IS NULL);
CREATE UNIQUE INDEX custom_role_organization_id_name_key ON custom_role (organization_id, lower(name COLLATE "pg_c_utf8"));

ALTER TABLE staff_role
  ADD CONSTRAINT staff_role_known CHECK (role IN ('owner', 'manager', 'front-desk', 'provider', 'medical-director', 'biller', 'auditor')),
  ADD CONSTRAINT staff_role_is_one CHECK (num_nonnulls(role, custom_role_id) = 1),
  ADD CONSTRAINT staff_role_once UNIQUE NULLS NOT DISTINCT (organization_id, staff_id, role, custom_role_id, location_id);

ALTER TABLE staff_invitation
  ADD CONSTRAINT staff_invitation_delivery CHECK (delivery IN ('email', 'link')),
  ADD CONSTRAINT staff_invitation_token CHECK (octet_length(token_hash) = 32),
  ADD CONSTRAINT staff_invitation_link_was_shown CHECK (delivery = 'email' OR token_hash IS NOT NULL),
  ADD CONSTRAINT staff_invitation_expires CHECK (expires_at > created_at);

-- I13: an organization that has an owner keeps one, who is active and owner everywhere. Two who demote each other at once wait for each
-- other at the organization's row, and the second sees what the first has done.
CREATE FUNCTION app.keep_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM organization WHERE id = OLD.organization_id FOR NO KEY UPDATE;
  IF TG_TABLE_NAME = 'staff' AND NOT EXISTS (
    SELECT FROM staff_role WHERE organization_id = OLD.organization_id AND staff_id = OLD.id AND role = 'owner' AND location_id IS NULL) THEN
    RETURN NULL;
  END IF;
  IF NOT EXISTS (
    SELECT FROM staff_role r JOIN staff s ON s.organization_id = r.organization_id AND s.id = r.staff_id
    WHERE r.organization_id = OLD.organization_id AND r.role = 'owner' AND r.location_id IS NULL AND s.is_active) THEN
    RAISE EXCEPTION 'an organization keeps an owner' USING ERRCODE = 'check_violation', CONSTRAINT = 'organization_keeps_an_owner';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_an_owner AFTER DELETE ON staff_role FOR EACH ROW
  WHEN (OLD.role = 'owner' AND OLD.location_id IS NULL) EXECUTE FUNCTION app.keep_an_owner();
CREATE TRIGGER keep_an_owner AFTER UPDATE OF is_active ON staff FOR EACH ROW
  WHEN (OLD.is_active AND NOT NEW.is_active) EXECUTE FUNCTION app.keep_an_owner();

-- ── who may do what ──────────────────────────────────────────────────────────────────────────────────────────────────

-- The roles of a person of the session's organization, a row for each place: [{role, customRoleId, name, permissions, locationId}].
CREATE FUNCTION app.roles_of(p_staff uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object(
      'role', r.role, 'customRoleId', r.custom_role_id, 'name', c.name, 'permissions', c.permissions, 'locationId', r.location_id) ORDER BY r.id), '[]')
  FROM staff_role r
  LEFT JOIN custom_role c ON c.organization_id = r.organization_id AND c.id = r.custom_role_id
  WHERE r.organization_id = (SELECT app.organization_id()) AND r.staff_id = p_staff
$$;

-- ── what a session of one location still has to see, and what not ────────────────────────────────────────────────────

-- Countries of all locations of the organization in the order in which they opened. A phone number is read in them, and must be the same
-- number to whoever works at one location.
CREATE FUNCTION app.countries() RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  v_own text := coalesce(current_setting('app.locations', true), '{}');
  v_countries text[];
BEGIN
  PERFORM set_config('app.locations', '', true);
  SELECT coalesce(array_agg(c.country ORDER BY c.first), '{}') INTO v_countries
  FROM (SELECT country, min(id::text) AS first FROM location WHERE organization_id = app.organization_id() GROUP BY country) c;
  PERFORM set_config('app.locations', v_own, true);
  RETURN v_countries;
END $$;

-- Roles are given and taken, invitations used and withdrawn, by inserting and deleting.
GRANT SELECT, INSERT, DELETE ON custom_role, staff_role, staff_invitation TO app_rw;
GRANT UPDATE (name, permissions, version) ON custom_role TO app_rw;
GRANT UPDATE (token_hash) ON staff_invitation TO app_rw;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO app_rw;
