-- Written by `make reference`: what `meshwright access bootstrap` prints for the product
-- `airport-operations/departures` with the schema `departures` and the roles `reader` and `service`.
-- Run as a superuser, on the product's database; running it again changes nothing that is right.
BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
DO $do$ DECLARE entry record; BEGIN FOR entry IN SELECT nspname, pg_get_userbyid(nspowner) AS actual, owner FROM pg_namespace JOIN (VALUES ('departures', 'departures_access'), ('departures_private', 'departures_pipeline'), ('departures_audit', 'departures_access')) AS expected (schema, owner) ON schema = nspname WHERE pg_get_userbyid(nspowner) <> owner LOOP RAISE EXCEPTION 'The schema % belongs to %, and not to %; nothing was changed.', entry.nspname, entry.actual, entry.owner USING HINT = 'If it is something else''s, give the port another `schema` in data-product.yaml. If it is this product''s, run ' || format('ALTER SCHEMA %I OWNER TO %I;', entry.nspname, entry.owner) || ' and this again.'; END LOOP; END $do$;
DO $do$ DECLARE entry record; BEGIN FOR entry IN SELECT rolname, mark ->> 'product' AS product, mark ->> 'database' AS database FROM pg_roles CROSS JOIN LATERAL (SELECT substring(shobj_description(oid, 'pg_authid') FROM 'meshwright ([{].*[}])$')::json AS mark) AS comment WHERE rolname IN ('departures_pipeline', 'departures_access') AND (mark ->> 'product' <> 'airport-operations/departures' OR mark ->> 'database' <> current_database()) LOOP RAISE EXCEPTION 'The role % is the product %''s in the database %; nothing was changed.', entry.rolname, entry.product, entry.database USING HINT = 'A schema is one product''s, in one database of a server: give the port another `schema` in data-product.yaml. If that was renamed, run ' || format('COMMENT ON ROLE %I IS NULL;', entry.rolname) || ' and this again.'; END LOOP; FOR entry IN SELECT DISTINCT r.rolname, d.datname FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r ON s.refclassid = 'pg_authid'::regclass AND r.oid = s.refobjid WHERE r.rolname IN ('departures_pipeline', 'departures_access', 'departures:reader', 'departures:service') AND d.datname <> current_database() LOOP RAISE EXCEPTION 'The role % owns or may use something in the database %; nothing was changed.', entry.rolname, entry.datname USING HINT = 'A schema is one product''s, in one database of a server: give the port another `schema` in data-product.yaml. If the product has moved here, run ' || format('DROP OWNED BY %I;', entry.rolname) || ' in that database, and this again.'; END LOOP; END $do$;
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
DO $do$ DECLARE comment text; BEGIN comment := shobj_description('"departures_pipeline"'::regrole, 'pg_authid'); IF comment ~ 'meshwright ([{].*[}])$' IS NOT TRUE THEN comment := concat_ws(' ', comment, 'meshwright ' || json_build_object('product', 'airport-operations/departures', 'database', current_database())); EXECUTE format('COMMENT ON ROLE %I IS %L', 'departures_pipeline', comment); END IF; END $do$;
DO $do$ DECLARE comment text; BEGIN comment := shobj_description('"departures_access"'::regrole, 'pg_authid'); IF comment ~ 'meshwright ([{].*[}])$' IS NOT TRUE THEN comment := concat_ws(' ', comment, 'meshwright ' || json_build_object('product', 'airport-operations/departures', 'database', current_database())); EXECUTE format('COMMENT ON ROLE %I IS %L', 'departures_access', comment); END IF; END $do$;
COMMIT;
