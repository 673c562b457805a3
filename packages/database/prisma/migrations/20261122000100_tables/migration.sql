-- Made by `npm run db:migrate` from the schema, with two edits: the logs are partitioned by month, and the keys to rows that
-- are written later in the same transaction (a claim's appointment, a provider's resource) are checked at commit.

-- CreateTable
CREATE TABLE "room_type" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "room_type_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "service" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "category" TEXT NOT NULL,
    "is_active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "service_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "service_version" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "service_id" UUID NOT NULL,
    "effective_from" DATE NOT NULL,
    "effective_until" DATE,
    "duration_minutes" SMALLINT NOT NULL,
    "buffer_before_minutes" SMALLINT NOT NULL DEFAULT 0,
    "buffer_after_minutes" SMALLINT NOT NULL DEFAULT 0,
    "room_type_id" UUID,
    "room_turnover_minutes" SMALLINT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "service_version_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "provider_service" (
    "organization_id" UUID NOT NULL,
    "provider_id" UUID NOT NULL,
    "service_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "provider_service_pkey" PRIMARY KEY ("organization_id","provider_id","service_id")
);

-- CreateTable
CREATE TABLE "service_price" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "service_id" UUID NOT NULL,
    "legal_entity_id" UUID NOT NULL,
    "effective_from" DATE NOT NULL,
    "effective_until" DATE,
    "price_cents" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "service_price_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "organization" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "organization_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "legal_entity" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "currency" CHAR(3) NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "legal_entity_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "location" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "legal_entity_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "time_zone" TEXT NOT NULL,
    "slot_minutes" SMALLINT NOT NULL DEFAULT 15,
    "street" TEXT,
    "city" TEXT,
    "region" TEXT,
    "postal_code" TEXT,
    "country" CHAR(2) NOT NULL DEFAULT 'US',
    "is_active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "location_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "staff" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "given_name" TEXT NOT NULL,
    "family_name" TEXT NOT NULL,
    "job_title" TEXT NOT NULL,
    "email_sealed" BYTEA,
    "email_index" BYTEA,
    "is_active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "staff_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "provider" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "staff_id" UUID NOT NULL,
    "display_name" TEXT NOT NULL,
    "credential" TEXT NOT NULL,
    "is_active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "provider_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "patient" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "given_name" TEXT NOT NULL,
    "family_name" TEXT NOT NULL,
    "preferred_name" TEXT,
    "pronouns" TEXT,
    "time_zone" TEXT,
    "birth_date_sealed" BYTEA,
    "birth_date_index" BYTEA,
    "phone_sealed" BYTEA,
    "phone_index" BYTEA,
    "email_sealed" BYTEA,
    "email_index" BYTEA,
    "address_sealed" BYTEA,
    "note_sealed" BYTEA,
    "is_active" BOOLEAN NOT NULL DEFAULT true,
    "deceased_on" DATE,
    "merged_into_id" UUID,
    "source_id_sealed" BYTEA,
    "source_id_index" BYTEA,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "patient_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "patient_name_word" (
    "organization_id" UUID NOT NULL,
    "word" TEXT NOT NULL,
    "patient_id" UUID NOT NULL,

    CONSTRAINT "patient_name_word_pkey" PRIMARY KEY ("organization_id","word","patient_id")
);

-- CreateTable
CREATE TABLE "patient_relation" (
    "organization_id" UUID NOT NULL,
    "patient_id" UUID NOT NULL,
    "related_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "patient_relation_pkey" PRIMARY KEY ("organization_id","patient_id","related_id","kind")
);

-- CreateTable
CREATE TABLE "idempotency_key" (
    "organization_id" UUID NOT NULL,
    "actor_id" UUID NOT NULL,
    "route" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "body_hash" BYTEA NOT NULL,
    "reply_sealed" BYTEA,
    "outcome" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "idempotency_key_pkey" PRIMARY KEY ("organization_id","actor_id","route","key")
);

-- CreateTable
CREATE TABLE "outbox_stream" (
    "organization_id" UUID NOT NULL,
    "stream_id" UUID NOT NULL,
    "last_sequence" BIGINT NOT NULL,

    CONSTRAINT "outbox_stream_pkey" PRIMARY KEY ("organization_id","stream_id")
);

-- CreateTable
CREATE TABLE "outbox_event" (
    "organization_id" UUID NOT NULL,
    "stream_id" UUID NOT NULL,
    "sequence" BIGINT NOT NULL,
    "type" TEXT NOT NULL,
    "subject_id" UUID NOT NULL,
    "payload" JSONB NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "outbox_event_pkey" PRIMARY KEY ("organization_id","stream_id","sequence")
);

-- CreateTable
CREATE TABLE "audit_log" (
    "organization_id" UUID NOT NULL,
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "actor_kind" TEXT NOT NULL,
    "actor_id" UUID NOT NULL,
    "request_id" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "table_name" TEXT NOT NULL,
    "row_id" UUID,
    "operation" TEXT NOT NULL,
    "before" JSONB,
    "after" JSONB,
    "reason" TEXT,

    CONSTRAINT "audit_log_pkey" PRIMARY KEY ("organization_id","at","id")
) PARTITION BY RANGE ("at");

-- CreateTable
CREATE TABLE "access_log" (
    "organization_id" UUID NOT NULL,
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "actor_kind" TEXT NOT NULL,
    "actor_id" UUID NOT NULL,
    "request_id" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "patient_ids" UUID[],
    "reason" TEXT,

    CONSTRAINT "access_log_pkey" PRIMARY KEY ("organization_id","at","id")
) PARTITION BY RANGE ("at");

-- CreateTable
CREATE TABLE "health_probe" (
    "id" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "health_probe_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "key_check" (
    "key_id" INTEGER NOT NULL,
    "mark_sealed" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "key_check_pkey" PRIMARY KEY ("key_id")
);

-- CreateTable
CREATE TABLE "resource" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "kind" TEXT NOT NULL,

    CONSTRAINT "resource_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "claim" (
    "organization_id" UUID NOT NULL,
    "id" BIGSERIAL NOT NULL,
    "resource_id" UUID NOT NULL,
    "during" tstzrange NOT NULL,
    "kind" TEXT NOT NULL,
    "is_blocking" BOOLEAN NOT NULL DEFAULT true,
    "expires_at" TIMESTAMPTZ(3),
    "appointment_id" UUID,

    CONSTRAINT "claim_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "room" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "location_id" UUID NOT NULL,
    "room_type_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "position" SMALLINT NOT NULL DEFAULT 0,
    "is_active" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "room_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "shift_rotation" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "provider_id" UUID NOT NULL,
    "location_id" UUID NOT NULL,
    "weeks" SMALLINT NOT NULL,
    "anchor_date" DATE NOT NULL,
    "effective_from" DATE NOT NULL,
    "effective_until" DATE,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "shift_rotation_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "shift" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "rotation_id" UUID NOT NULL,
    "weeks" SMALLINT NOT NULL,
    "week" SMALLINT NOT NULL,
    "weekday" SMALLINT NOT NULL,
    "starts_at" TIME(0) NOT NULL,
    "ends_at" TIME(0) NOT NULL,

    CONSTRAINT "shift_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "appointment" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "location_id" UUID NOT NULL,
    "patient_id" UUID NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'booked',
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,
    "channel" TEXT NOT NULL,
    "cancel_reason" TEXT,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "appointment_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "appointment_segment" (
    "organization_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "appointment_id" UUID NOT NULL,
    "position" SMALLINT NOT NULL,
    "service_id" UUID NOT NULL,
    "service_version_id" UUID NOT NULL,
    "provider_id" UUID NOT NULL,
    "room_id" UUID,
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "appointment_segment_pkey" PRIMARY KEY ("organization_id","id")
);

-- CreateTable
CREATE TABLE "appointment_history" (
    "organization_id" UUID NOT NULL,
    "appointment_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "actor_kind" TEXT NOT NULL,
    "actor_id" UUID NOT NULL,
    "action" TEXT NOT NULL,
    "channel" TEXT NOT NULL,
    "reason" TEXT,
    "note_sealed" BYTEA,
    "status" TEXT NOT NULL,
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,
    "segments" JSONB NOT NULL,

    CONSTRAINT "appointment_history_pkey" PRIMARY KEY ("organization_id","appointment_id","version")
);

-- CreateIndex
CREATE INDEX "service_version_organization_id_service_id_effective_from_idx" ON "service_version"("organization_id", "service_id", "effective_from");

-- CreateIndex
CREATE INDEX "service_version_organization_id_room_type_id_idx" ON "service_version"("organization_id", "room_type_id");

-- CreateIndex
CREATE INDEX "provider_service_organization_id_service_id_idx" ON "provider_service"("organization_id", "service_id");

-- CreateIndex
CREATE INDEX "service_price_organization_id_service_id_effective_from_idx" ON "service_price"("organization_id", "service_id", "effective_from");

-- CreateIndex
CREATE INDEX "service_price_organization_id_legal_entity_id_idx" ON "service_price"("organization_id", "legal_entity_id");

-- CreateIndex
CREATE INDEX "location_organization_id_legal_entity_id_idx" ON "location"("organization_id", "legal_entity_id");

-- CreateIndex
CREATE UNIQUE INDEX "staff_organization_id_email_index_key" ON "staff"("organization_id", "email_index");

-- CreateIndex
CREATE UNIQUE INDEX "provider_organization_id_staff_id_key" ON "provider"("organization_id", "staff_id");

-- CreateIndex
CREATE INDEX "patient_organization_id_birth_date_index_idx" ON "patient"("organization_id", "birth_date_index");

-- CreateIndex
CREATE INDEX "patient_organization_id_phone_index_idx" ON "patient"("organization_id", "phone_index");

-- CreateIndex
CREATE INDEX "patient_organization_id_email_index_idx" ON "patient"("organization_id", "email_index");

-- CreateIndex
CREATE UNIQUE INDEX "patient_organization_id_source_id_index_key" ON "patient"("organization_id", "source_id_index");

-- CreateIndex
CREATE INDEX "patient_name_word_organization_id_patient_id_idx" ON "patient_name_word"("organization_id", "patient_id");

-- CreateIndex
CREATE INDEX "patient_relation_organization_id_related_id_idx" ON "patient_relation"("organization_id", "related_id");

-- CreateIndex
CREATE INDEX "idempotency_key_expires_at_idx" ON "idempotency_key"("expires_at");

-- CreateIndex
CREATE INDEX "outbox_event_organization_id_at_idx" ON "outbox_event"("organization_id", "at");

-- CreateIndex
CREATE INDEX "audit_log_organization_id_table_name_row_id_idx" ON "audit_log"("organization_id", "table_name", "row_id");

-- CreateIndex
CREATE INDEX "claim_organization_id_appointment_id_idx" ON "claim"("organization_id", "appointment_id");

-- CreateIndex
CREATE INDEX "room_organization_id_room_type_id_idx" ON "room"("organization_id", "room_type_id");

-- CreateIndex
CREATE INDEX "shift_rotation_organization_id_location_id_idx" ON "shift_rotation"("organization_id", "location_id");

-- CreateIndex
CREATE UNIQUE INDEX "shift_rotation_organization_id_id_weeks_key" ON "shift_rotation"("organization_id", "id", "weeks");

-- CreateIndex
CREATE INDEX "shift_organization_id_rotation_id_idx" ON "shift"("organization_id", "rotation_id");

-- CreateIndex
CREATE INDEX "appointment_organization_id_location_id_starts_at_idx" ON "appointment"("organization_id", "location_id", "starts_at");

-- CreateIndex
CREATE INDEX "appointment_organization_id_patient_id_starts_at_idx" ON "appointment"("organization_id", "patient_id", "starts_at");

-- CreateIndex
CREATE UNIQUE INDEX "appointment_segment_organization_id_appointment_id_position_key" ON "appointment_segment"("organization_id", "appointment_id", "position");

-- AddForeignKey
ALTER TABLE "room_type" ADD CONSTRAINT "room_type_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "service" ADD CONSTRAINT "service_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "service_version" ADD CONSTRAINT "service_version_organization_id_service_id_fkey" FOREIGN KEY ("organization_id", "service_id") REFERENCES "service"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "service_version" ADD CONSTRAINT "service_version_organization_id_room_type_id_fkey" FOREIGN KEY ("organization_id", "room_type_id") REFERENCES "room_type"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "provider_service" ADD CONSTRAINT "provider_service_organization_id_provider_id_fkey" FOREIGN KEY ("organization_id", "provider_id") REFERENCES "provider"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "provider_service" ADD CONSTRAINT "provider_service_organization_id_service_id_fkey" FOREIGN KEY ("organization_id", "service_id") REFERENCES "service"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "service_price" ADD CONSTRAINT "service_price_organization_id_service_id_fkey" FOREIGN KEY ("organization_id", "service_id") REFERENCES "service"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "service_price" ADD CONSTRAINT "service_price_organization_id_legal_entity_id_fkey" FOREIGN KEY ("organization_id", "legal_entity_id") REFERENCES "legal_entity"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "legal_entity" ADD CONSTRAINT "legal_entity_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "location" ADD CONSTRAINT "location_organization_id_legal_entity_id_fkey" FOREIGN KEY ("organization_id", "legal_entity_id") REFERENCES "legal_entity"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "staff" ADD CONSTRAINT "staff_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "provider" ADD CONSTRAINT "provider_organization_id_staff_id_fkey" FOREIGN KEY ("organization_id", "staff_id") REFERENCES "staff"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "provider" ADD CONSTRAINT "provider_organization_id_id_fkey" FOREIGN KEY ("organization_id", "id") REFERENCES "resource"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT DEFERRABLE INITIALLY DEFERRED;

-- AddForeignKey
ALTER TABLE "patient" ADD CONSTRAINT "patient_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "patient" ADD CONSTRAINT "patient_organization_id_id_fkey" FOREIGN KEY ("organization_id", "id") REFERENCES "resource"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT DEFERRABLE INITIALLY DEFERRED;

-- AddForeignKey
ALTER TABLE "patient" ADD CONSTRAINT "patient_organization_id_merged_into_id_fkey" FOREIGN KEY ("organization_id", "merged_into_id") REFERENCES "patient"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "patient_name_word" ADD CONSTRAINT "patient_name_word_organization_id_patient_id_fkey" FOREIGN KEY ("organization_id", "patient_id") REFERENCES "patient"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "patient_relation" ADD CONSTRAINT "patient_relation_organization_id_patient_id_fkey" FOREIGN KEY ("organization_id", "patient_id") REFERENCES "patient"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "patient_relation" ADD CONSTRAINT "patient_relation_organization_id_related_id_fkey" FOREIGN KEY ("organization_id", "related_id") REFERENCES "patient"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "claim" ADD CONSTRAINT "claim_organization_id_resource_id_fkey" FOREIGN KEY ("organization_id", "resource_id") REFERENCES "resource"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "claim" ADD CONSTRAINT "claim_organization_id_appointment_id_fkey" FOREIGN KEY ("organization_id", "appointment_id") REFERENCES "appointment"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT DEFERRABLE INITIALLY DEFERRED;

-- AddForeignKey
ALTER TABLE "room" ADD CONSTRAINT "room_organization_id_location_id_fkey" FOREIGN KEY ("organization_id", "location_id") REFERENCES "location"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "room" ADD CONSTRAINT "room_organization_id_room_type_id_fkey" FOREIGN KEY ("organization_id", "room_type_id") REFERENCES "room_type"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "room" ADD CONSTRAINT "room_organization_id_id_fkey" FOREIGN KEY ("organization_id", "id") REFERENCES "resource"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT DEFERRABLE INITIALLY DEFERRED;

-- AddForeignKey
ALTER TABLE "shift_rotation" ADD CONSTRAINT "shift_rotation_organization_id_provider_id_fkey" FOREIGN KEY ("organization_id", "provider_id") REFERENCES "provider"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "shift_rotation" ADD CONSTRAINT "shift_rotation_organization_id_location_id_fkey" FOREIGN KEY ("organization_id", "location_id") REFERENCES "location"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "shift" ADD CONSTRAINT "shift_organization_id_rotation_id_weeks_fkey" FOREIGN KEY ("organization_id", "rotation_id", "weeks") REFERENCES "shift_rotation"("organization_id", "id", "weeks") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "appointment" ADD CONSTRAINT "appointment_organization_id_location_id_fkey" FOREIGN KEY ("organization_id", "location_id") REFERENCES "location"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "appointment" ADD CONSTRAINT "appointment_organization_id_patient_id_fkey" FOREIGN KEY ("organization_id", "patient_id") REFERENCES "patient"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "appointment_segment" ADD CONSTRAINT "appointment_segment_organization_id_appointment_id_fkey" FOREIGN KEY ("organization_id", "appointment_id") REFERENCES "appointment"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "appointment_segment" ADD CONSTRAINT "appointment_segment_organization_id_service_id_fkey" FOREIGN KEY ("organization_id", "service_id") REFERENCES "service"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "appointment_segment" ADD CONSTRAINT "appointment_segment_organization_id_service_version_id_fkey" FOREIGN KEY ("organization_id", "service_version_id") REFERENCES "service_version"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "appointment_segment" ADD CONSTRAINT "appointment_segment_organization_id_provider_id_fkey" FOREIGN KEY ("organization_id", "provider_id") REFERENCES "provider"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "appointment_segment" ADD CONSTRAINT "appointment_segment_organization_id_room_id_fkey" FOREIGN KEY ("organization_id", "room_id") REFERENCES "room"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "appointment_history" ADD CONSTRAINT "appointment_history_organization_id_appointment_id_fkey" FOREIGN KEY ("organization_id", "appointment_id") REFERENCES "appointment"("organization_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;
