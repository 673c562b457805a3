import { couldNotCheck, finding, judged, type Check, type Finding } from '../../check.ts';
import { databaseUrls, isLocal } from '../practice/urls.ts';

export const roles: Check = {
  id: 'security.roles',
  title: 'The service signs in with a role of its own',
  category: 'Security',
  severity: 'high',
  why: 'A service that signs in as superuser or as owner of its tables can drop them, is bound by no row-level security, and hands all of that to whoever finds an injection.',
  link: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  looksFor:
    'the names of administrators in database URLs that do not point at this machine; live: whether the signed-in role is a superuser, may bypass row-level security, make roles or databases, owns tables, or may create in the schema',
  remedy:
    'Make a role that owns the tables and runs migrations, and another for the service with SELECT, INSERT, UPDATE and DELETE on what it needs, without CREATE on the schema.',
  example: {
    language: 'sql',
    before: '-- DATABASE_URL=postgresql://postgres:...@host/clinic',
    after:
      'CREATE ROLE app_owner LOGIN;\nCREATE ROLE app LOGIN;\nALTER SCHEMA public OWNER TO app_owner;\nREVOKE CREATE ON SCHEMA public FROM PUBLIC;\nGRANT USAGE ON SCHEMA public TO app;\nALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app;',
  },
  effort: '1 day',
  static: (project) => {
    const urls = databaseUrls(project).filter(({ host, user }) => user !== '' && !isLocal(host));
    const findings = urls
      .filter(({ user }) => ADMINISTRATORS.test(user))
      .map(({ user, place, isTemplate }) =>
        finding(isTemplate ? 'warn' : 'fail', `the service signs in as ${user}, the administrator of the server`, place),
      );
    return findings.length > 0 ? judged(findings) : couldNotCheck('what a role may do is known to the database alone');
  },
  database: async ({ query }) => {
    const [role] = await query<Role>(ROLE);
    if (!role) return couldNotCheck('pg_roles does not show the role that is signed in');
    const findings: Finding[] = [];
    const add = (is: boolean, grade: Finding['grade'], message: string) => {
      if (is) findings.push(finding(grade, `${role.name} ${message}`));
    };
    add(role.isSuperuser, 'fail', 'is a superuser');
    add(role.bypassesRls && !role.isSuperuser, 'fail', 'may bypass row-level security');
    add(role.makesRoles && !role.isSuperuser, 'fail', 'may make roles');
    add(role.makesDatabases && !role.isSuperuser, 'warn', 'may make databases');
    // Of a superuser the rest says nothing new.
    if (!role.isSuperuser) {
      add(
        role.owned > 0,
        'fail',
        `owns ${role.owned} of the tables it works on (such as ${role.example}): it may alter and drop them, and their policies do not bind it`,
      );
      add(role.creates.length > 0, 'fail', `may create objects in ${role.creates.join(', ')}`);
    }
    return judged(
      findings,
      [`${role.name} is no superuser, does not bypass row-level security, owns no table and creates nothing`].slice(findings.length),
    );
  },
};

/** `admin` and the like are the first users of managed databases. */
const ADMINISTRATORS =
  /^(postgres|root|admin|administrator|superuser|cloudsqlsuperuser|rds_superuser|azure_pg_admin|doadmin|avnadmin|neondb_owner)$/i;

type Role = {
  name: string;
  isSuperuser: boolean;
  bypassesRls: boolean;
  makesRoles: boolean;
  makesDatabases: boolean;
  owned: number;
  example: string | null;
  creates: string[];
};

const ROLE = `
  WITH own AS (SELECT oid, rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user),
  schemas AS (SELECT oid, nspname FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'),
  -- What a role is a member of, it owns as well.
  tables AS (SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace IN (SELECT oid FROM schemas) AND pg_has_role(relowner, 'USAGE') ORDER BY relname)
  SELECT rolname AS name, rolsuper AS "isSuperuser", rolbypassrls AS "bypassesRls", rolcreaterole AS "makesRoles", rolcreatedb AS "makesDatabases",
    (SELECT count(*)::int FROM tables) AS owned, (SELECT relname FROM tables LIMIT 1) AS example,
    ARRAY(SELECT nspname::text FROM schemas WHERE has_schema_privilege(schemas.oid, 'CREATE') ORDER BY 1) AS creates
  FROM own`;
