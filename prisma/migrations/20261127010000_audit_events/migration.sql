-- CreateEnum
CREATE TYPE "audit_actor" AS ENUM ('user', 'operator', 'system');

-- CreateTable
CREATE TABLE "audit_events" (
    "id" BIGSERIAL NOT NULL,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),
    "event" TEXT NOT NULL,
    "actor" "audit_actor" NOT NULL,
    "user_id" UUID,
    "session_id" UUID,
    "address" TEXT,
    "user_agent" TEXT,
    "request_id" UUID,
    "details" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "audit_events_user_id_id_idx" ON "audit_events"("user_id", "id");

-- Append-only: what happened within the shortest retention there is can be neither changed nor taken away, whoever asks.
-- The engine takes every semicolon for the end of a statement, so the body's is written as an escape.
CREATE FUNCTION "refuse_audit_change"() RETURNS trigger LANGUAGE plpgsql AS
  E'BEGIN RAISE EXCEPTION ''audit_events is append-only'' USING ERRCODE = ''insufficient_privilege''\x3b END';

CREATE TRIGGER "audit_events_unchanged" BEFORE UPDATE OR TRUNCATE ON "audit_events"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_audit_change"();

CREATE TRIGGER "audit_events_kept" BEFORE DELETE ON "audit_events"
  FOR EACH ROW WHEN (OLD.occurred_at > now() - interval '1 day') EXECUTE FUNCTION "refuse_audit_change"();
