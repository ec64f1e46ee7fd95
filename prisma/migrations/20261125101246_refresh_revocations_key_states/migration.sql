-- CreateEnum
CREATE TYPE "revocation_kind" AS ENUM ('sid', 'jti', 'kid');

-- AlterTable
ALTER TABLE "sessions" ADD COLUMN     "network" TEXT,
ADD COLUMN     "refresh_counter" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "refreshed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "user_agent" TEXT;

-- AlterTable
ALTER TABLE "signing_keys" ADD COLUMN     "activated_at" TIMESTAMPTZ(3),
ADD COLUMN     "gone_at" TIMESTAMPTZ(3),
ADD COLUMN     "retired_at" TIMESTAMPTZ(3),
ALTER COLUMN "private_key" DROP NOT NULL;

-- CreateTable
CREATE TABLE "revocations" (
    "id" BIGSERIAL NOT NULL,
    "kind" "revocation_kind" NOT NULL,
    "subject" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "revocations_pkey" PRIMARY KEY ("id")
);

-- Room in each page for the next version of a row, so that a refresh touches no index.
ALTER TABLE "sessions" SET (fillfactor = 70);

-- Sessions from before were never refreshed.
UPDATE "sessions" SET "refreshed_at" = "created_at";

-- So far the newest key of an algorithm signed and the others verified.
UPDATE "signing_keys" k
SET "activated_at" = k."created_at",
    "retired_at" = CASE WHEN EXISTS (
      SELECT FROM "signing_keys" newer
      WHERE newer."alg" = k."alg" AND (newer."created_at", k."kid") > (k."created_at", newer."kid")
    ) THEN CURRENT_TIMESTAMP END;
