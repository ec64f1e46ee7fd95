-- AlterEnum
ALTER TYPE "revocation_kind" ADD VALUE 'user';

-- Constant defaults of existing rows are kept in the catalogue: no table is rewritten, and nodes of the last version go on inserting.
-- AlterTable
ALTER TABLE "users" ADD COLUMN "roles" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
ADD COLUMN "version" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "profile" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN "app_data" JSONB NOT NULL DEFAULT '{}';

-- The service refuses the same values with a problem; these bind other clients of the database. Not validated, since that would read
-- all rows under the lock of this statement: they all have the defaults.
ALTER TABLE "users" ADD CONSTRAINT "users_roles_check" CHECK (
  -- No role is NULL, empty or has a space.
  cardinality(string_to_array(array_to_string("roles", ' '), ' ')) = cardinality("roles")
  AND array_to_string("roles", ' ') ~ '^([a-z][a-z0-9_-]{0,31}( [a-z][a-z0-9_-]{0,31})*)?$'
  -- With the quotes and commas of JSON.
  AND octet_length(array_to_string("roles", '","')) <= 508
) NOT VALID,
ADD CONSTRAINT "users_version_check" CHECK ("version" >= 0) NOT VALID,
-- A text of jsonb has a space after each comma and colon.
ADD CONSTRAINT "users_profile_check" CHECK (
  jsonb_typeof("profile") = 'object' AND octet_length("profile"::text) <= 8192
  AND NOT jsonb_path_exists("profile", 'strict $.**{8} ? (@.type() == "object" || @.type() == "array")')
) NOT VALID,
ADD CONSTRAINT "users_app_data_check" CHECK (
  jsonb_typeof("app_data") = 'object' AND octet_length("app_data"::text) <= 8192
  AND NOT jsonb_path_exists("app_data", 'strict $.**{8} ? (@.type() == "object" || @.type() == "array")')
) NOT VALID;
