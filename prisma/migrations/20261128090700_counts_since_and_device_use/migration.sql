-- Constant defaults of existing rows are kept in the catalogue: no table is rewritten, and nodes of the last version go on inserting.
-- AlterTable
ALTER TABLE "rate_limits" ADD COLUMN "began_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP;
ALTER TABLE "rate_limits" ALTER COLUMN "began_at" SET DEFAULT clock_timestamp();

-- AlterTable
ALTER TABLE "account_guards" ADD COLUMN "began_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP;
ALTER TABLE "account_guards" ALTER COLUMN "began_at" SET DEFAULT clock_timestamp();

-- AlterTable
ALTER TABLE "devices" ADD COLUMN "used_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP;
ALTER TABLE "devices" ALTER COLUMN "used_at" SET DEFAULT clock_timestamp();
