-- Written by `make reference`: what `meshwright access bootstrap` prints for a product with the schema
-- `departures` and the roles `reader` and `service`.
-- Run as a superuser, on the product's database; running it again changes nothing that is right.
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'departures_pipeline') THEN CREATE ROLE "departures_pipeline" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; END IF; END $do$;
DO $do$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'departures_pipeline' AND (NOT rolcanlogin OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)) THEN ALTER ROLE "departures_pipeline" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; END IF; END $do$;
DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'departures_access') THEN CREATE ROLE "departures_access" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; END IF; END $do$;
DO $do$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'departures_access' AND (NOT rolcanlogin OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)) THEN ALTER ROLE "departures_access" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; END IF; END $do$;
DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'departures:reader') THEN CREATE ROLE "departures:reader" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; END IF; END $do$;
DO $do$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'departures:reader' AND (rolcanlogin OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)) THEN ALTER ROLE "departures:reader" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; END IF; END $do$;
DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'departures:service') THEN CREATE ROLE "departures:service" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; END IF; END $do$;
DO $do$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'departures:service' AND (rolcanlogin OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)) THEN ALTER ROLE "departures:service" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; END IF; END $do$;
CREATE SCHEMA IF NOT EXISTS "departures" AUTHORIZATION "departures_access";
ALTER SCHEMA "departures" OWNER TO "departures_access";
REVOKE ALL ON SCHEMA "departures" FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS "departures_private" AUTHORIZATION "departures_pipeline";
ALTER SCHEMA "departures_private" OWNER TO "departures_pipeline";
REVOKE ALL ON SCHEMA "departures_private" FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS "departures_audit" AUTHORIZATION "departures_access";
ALTER SCHEMA "departures_audit" OWNER TO "departures_access";
REVOKE ALL ON SCHEMA "departures_audit" FROM PUBLIC;
GRANT USAGE ON SCHEMA "departures_private" TO "departures_access";
GRANT SELECT ON ALL TABLES IN SCHEMA "departures_private" TO "departures_access";
ALTER DEFAULT PRIVILEGES FOR ROLE "departures_pipeline" IN SCHEMA "departures_private" GRANT SELECT ON TABLES TO "departures_access";
ALTER DEFAULT PRIVILEGES FOR ROLE "departures_pipeline" REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE "departures_access" REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
CREATE TABLE IF NOT EXISTS "departures_audit".record (number bigint PRIMARY KEY, content json NOT NULL);
ALTER TABLE "departures_audit".record OWNER TO "departures_access";
REVOKE ALL ON TABLE "departures_audit".record FROM PUBLIC;
DO $do$ BEGIN IF current_setting('server_version_num')::integer >= 160000 THEN EXECUTE 'GRANT "departures:reader" TO "departures_access" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'; ELSE EXECUTE 'GRANT "departures:reader" TO "departures_access" WITH ADMIN OPTION'; END IF; END $do$;
DO $do$ BEGIN IF current_setting('server_version_num')::integer >= 160000 THEN EXECUTE 'GRANT "departures:service" TO "departures_access" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'; ELSE EXECUTE 'GRANT "departures:service" TO "departures_access" WITH ADMIN OPTION'; END IF; END $do$;
COMMIT;
