-- The two roles of the platform and their database, made once by an administrator (`npm run db:setup`).
-- app_owner owns the tables and runs migrations; app_rw is what the service signs in as: no DDL, no BYPASSRLS, owner of nothing.
-- Passwords are set apart from this file. The timeouts stand here as well as in the pool's settings, since a pooler drops those.
-- deadlock 1 s < lock 2 s < idle in transaction 5 s < statement 8 s < transaction 12 s < HTTP 15 s

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_owner') THEN
    CREATE ROLE app_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app_rw') THEN
    CREATE ROLE app_rw LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
  END IF;
END $$;

ALTER ROLE app_owner SET timezone = 'UTC';
ALTER ROLE app_owner SET lock_timeout = '3s';
ALTER ROLE app_owner SET idle_in_transaction_session_timeout = '60s';

ALTER ROLE app_rw SET timezone = 'UTC';
ALTER ROLE app_rw SET lock_timeout = '2s';
ALTER ROLE app_rw SET idle_in_transaction_session_timeout = '5s';
ALTER ROLE app_rw SET statement_timeout = '8s';
ALTER ROLE app_rw SET transaction_timeout = '12s';
