-- CreateEnum
CREATE TYPE "one_time_token_purpose" AS ENUM ('registration', 'email_verification', 'password_reset', 'email_change', 'email_undo', 'invitation');

-- CreateEnum
CREATE TYPE "mail_outcome" AS ENUM ('sent', 'failed', 'outdated');

-- A new column without a default: no table is rewritten, and nodes of the last version go on inserting.
-- AlterTable
ALTER TABLE "users" ADD COLUMN "email_verified_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "one_time_tokens" (
    "id" UUID NOT NULL,
    "purpose" "one_time_token_purpose" NOT NULL,
    "user_id" UUID,
    "email" TEXT NOT NULL,
    "email_lower" TEXT NOT NULL,
    "password_hash" TEXT,
    "profile" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "one_time_tokens_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "mail_requests" (
    "id" UUID NOT NULL,
    "purpose" "one_time_token_purpose" NOT NULL,
    "email" TEXT NOT NULL,
    "language" TEXT NOT NULL,
    "token_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "mail_requests_pkey" PRIMARY KEY ("id")
);

-- No foreign key of token_id: a mail outlives its link, since mails bound how many more there are, also of a user who is deleted and
-- registers again; and PostgreSQL would plan the check of such a key by statistics that may be out of date.
-- CreateTable
CREATE TABLE "mails" (
    "id" UUID NOT NULL,
    "template" TEXT NOT NULL,
    "token_id" UUID,
    "user_id" UUID,
    "recipient" TEXT NOT NULL,
    "recipient_lower" TEXT NOT NULL,
    "language" TEXT NOT NULL,
    "details" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "available_at" TIMESTAMPTZ(3) DEFAULT CURRENT_TIMESTAMP,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "outcome" "mail_outcome",
    "done_at" TIMESTAMPTZ(3),
    "failure" TEXT,

    CONSTRAINT "mails_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "one_time_tokens_user_id_purpose_idx" ON "one_time_tokens"("user_id", "purpose");

-- CreateIndex
CREATE INDEX "one_time_tokens_email_lower_purpose_idx" ON "one_time_tokens"("email_lower", "purpose");

-- CreateIndex
CREATE INDEX "mails_available_at_idx" ON "mails"("available_at");

-- CreateIndex
CREATE INDEX "mails_recipient_lower_created_at_idx" ON "mails"("recipient_lower", "created_at");

-- CreateIndex
CREATE INDEX "mails_user_id_id_idx" ON "mails"("user_id", "id");

-- AddForeignKey
ALTER TABLE "one_time_tokens" ADD CONSTRAINT "one_time_tokens_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- While a change of address can be undone, nobody else can take the old one: it is answered as an address that is taken. Not looked up
-- before the insert, but after it: the unique index has then waited for a change that was under way, and this statement sees it.
CREATE FUNCTION "refuse_reserved_addresses"() RETURNS trigger LANGUAGE plpgsql AS
$$
DECLARE
  reserved boolean;
BEGIN
  IF TG_OP = 'INSERT' THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM added JOIN %1$I.one_time_tokens t ON t.email_lower = added.email_lower
      WHERE t.purpose = ''email_undo'' AND t.user_id <> added.id AND t.used_at IS NULL AND t.expires_at > now())', TG_TABLE_SCHEMA)
      INTO reserved;
  ELSE
    EXECUTE format('SELECT EXISTS (SELECT FROM %1$I.one_time_tokens t WHERE t.email_lower = $1
      AND t.purpose = ''email_undo'' AND t.user_id <> $2 AND t.used_at IS NULL AND t.expires_at > now())', TG_TABLE_SCHEMA)
      INTO reserved USING NEW.email_lower, NEW.id;
  END IF;
  IF reserved THEN
    RAISE unique_violation USING MESSAGE = 'the address is reserved', CONSTRAINT = 'users_email_lower_key';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER "users_insert_reserved" AFTER INSERT ON "users" REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_reserved_addresses"();
CREATE TRIGGER "users_update_reserved" AFTER UPDATE OF "email_lower" ON "users"
  FOR EACH ROW WHEN (OLD.email_lower <> NEW.email_lower) EXECUTE FUNCTION "refuse_reserved_addresses"();
