import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSettings } from '../settings.ts';
import { ownerPool } from './connection.ts';
import { PRISMA_FOLDER } from './files.ts';

/** What a freshly migrated database looks like; written by `npm run db:migrate`, compared by `npm run db:status`. */
export const SNAPSHOT_FILE = join(PRISMA_FOLDER, 'catalog.txt');

/**
 * Every object of the platform as one sorted line of text: tables, views, columns, constraints, indexes, triggers, functions,
 * policies, grants. Prisma's own comparison does not see most of these. Months of the logs are left out, since time makes them.
 */
const CATALOG = `
  WITH space AS (SELECT oid, nspname FROM pg_namespace WHERE nspname IN ('public', 'app')),
  owned AS (
    SELECT c.* FROM pg_class c JOIN space ON space.oid = c.relnamespace
    WHERE c.relname <> '_prisma_migrations' AND NOT (c.relispartition AND c.relname ~ '_[0-9]{4}_[0-9]{2}$')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ),
  tables AS (SELECT * FROM owned WHERE relkind IN ('r', 'p')),
  line AS (
    SELECT format('table %s owner=%s rls=%s force=%s', t.oid::regclass, t.relowner::regrole, t.relrowsecurity, t.relforcerowsecurity) AS text FROM tables t
    UNION ALL SELECT format('column %s.%I %s%s%s%s', t.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, CASE WHEN a.attidentity <> '' THEN ' identity' ELSE '' END,
        coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''))
      FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
    UNION ALL SELECT format('constraint %s %s %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
      FROM pg_constraint k JOIN tables t ON t.oid = k.conrelid WHERE k.contype <> 'n'
    UNION ALL SELECT format('index %s', pg_get_indexdef(i.indexrelid)) FROM pg_index i JOIN tables t ON t.oid = i.indrelid
    UNION ALL SELECT format('trigger %s %s%s', t.oid::regclass, pg_get_triggerdef(g.oid), CASE WHEN g.tgenabled <> 'O' THEN ' enabled=' || g.tgenabled::text ELSE '' END)
      FROM pg_trigger g JOIN tables t ON t.oid = g.tgrelid WHERE NOT g.tgisinternal
    UNION ALL SELECT format('policy %s %s %s to %s using %s check %s', t.oid::regclass, p.polname, p.polcmd,
        (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE r::regrole::text END, ',' ORDER BY 1) FROM unnest(p.polroles) r),
        pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
      FROM pg_policy p JOIN tables t ON t.oid = p.polrelid
    UNION ALL SELECT format('routine %s owner=%s %s', f.oid::regprocedure, f.proowner::regrole, md5(pg_get_functiondef(f.oid)))
      FROM pg_proc f JOIN space ON space.oid = f.pronamespace
      WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e')
    UNION ALL SELECT format('type %s (%s)', y.oid::regtype, (SELECT string_agg(format('%s %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = y.typrelid))
      FROM pg_type y JOIN owned c ON c.oid = y.typrelid WHERE c.relkind = 'c'
    UNION ALL SELECT format('view %s owner=%s %s %s', o.oid::regclass, o.relowner::regrole, o.reloptions, md5(pg_get_viewdef(o.oid))) FROM owned o WHERE o.relkind IN ('v', 'm')
    UNION ALL SELECT format('sequence %s owner=%s', o.oid::regclass, o.relowner::regrole) FROM owned o WHERE o.relkind = 'S'
    UNION ALL SELECT format('enum %s (%s)', y.oid::regtype, (SELECT string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = y.oid))
      FROM pg_type y JOIN space ON space.oid = y.typnamespace WHERE y.typtype = 'e'
    UNION ALL SELECT format('grant %s %s to %s', g.privilege_type, o.oid::regclass, g.grantee::regrole)
      FROM owned o, aclexplode(o.relacl) g WHERE o.relkind IN ('r', 'p', 'S', 'v', 'm') AND g.grantee <> o.relowner AND g.grantee <> 0
    UNION ALL SELECT format('grant %s %s to PUBLIC', g.privilege_type, o.oid::regclass)
      FROM owned o, aclexplode(o.relacl) g WHERE o.relkind IN ('r', 'p', 'S', 'v', 'm') AND g.grantee = 0
    UNION ALL SELECT format('grant %s (%s) %s to %s', g.privilege_type, a.attname, t.oid::regclass, g.grantee::regrole)
      FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid, aclexplode(a.attacl) g
    UNION ALL SELECT format('grant %s %s to %s', g.privilege_type, f.oid::regprocedure, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
      FROM pg_proc f JOIN space ON space.oid = f.pronamespace, aclexplode(f.proacl) g
      WHERE g.grantee <> f.proowner AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e')
    UNION ALL SELECT format('grant %s schema %s to %s', g.privilege_type, n.nspname, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
      FROM pg_namespace n JOIN space USING (oid), aclexplode(n.nspacl) g WHERE g.grantee <> n.nspowner
    UNION ALL SELECT format('grant %s database to %s', g.privilege_type, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
      FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) g WHERE d.datname = current_database() AND g.grantee <> d.datdba
    UNION ALL SELECT format('extension %s', extname) FROM pg_extension WHERE extname IN ('btree_gist')
  )
  SELECT text FROM line ORDER BY text COLLATE "C"`;

/** The lines of a live database. */
export async function readCatalog(settings: DatabaseSettings): Promise<string[]> {
  await using pool = ownerPool(settings);
  const { rows } = await pool
    .query(`SET search_path = public; ${CATALOG}`)
    .then((results) => (results as unknown as { rows: { text: string }[] }[])[1] ?? { rows: [] });
  return rows.map((row) => row.text.replaceAll(/\s+/g, ' '));
}

/** What a live database has more (`+`) and less (`-`) than this code's migrations make. Empty when there is no drift. */
export async function findDrift(settings: DatabaseSettings): Promise<string[]> {
  const wanted = new Set(
    readFileSync(SNAPSHOT_FILE, 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  );
  const live = new Set(await readCatalog(settings));
  return [
    ...[...wanted].filter((line) => !live.has(line)).map((line) => `- ${line}`),
    ...[...live].filter((line) => !wanted.has(line)).map((line) => `+ ${line}`),
  ];
}
