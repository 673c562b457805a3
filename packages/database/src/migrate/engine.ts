import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlQuery,
} from '@prisma/driver-adapter-utils';
import { PrismaPg } from '@prisma/adapter-pg';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import type pg from 'pg';

export type SchemaEngine = Awaited<ReturnType<typeof bindings.SchemaEngine.new>>;

/**
 * Prisma's own schema engine as WebAssembly: no native binary, nothing downloaded, the same migration table. It runs scripts on
 * the connection that is given for them.
 */
export async function loadSchemaEngine(
  pool: pg.Pool,
  schema: { path: string; content: string }[],
  forScripts: Pick<pg.Pool, 'query'> = pool,
): Promise<SchemaEngine> {
  await instantiate();
  failure = null;
  const datamodels = schema.map(({ path, content }): [string, string] => [path, content]);
  return bindings.SchemaEngine.new({ datamodels }, () => {}, bindMigrationAwareSqlAdapterFactory(new MigrationAdapter(pool, forScripts)));
}

/** Why the last script failed. The engine reports only that one did. */
export function scriptFailure(): Error | null {
  return failure;
}

let failure: Error | null = null;
let instantiated: Promise<void> | undefined;

/** What this file uses of the global; Node's types leave it to the browser's. */
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: { __wbindgen_start: () => void } } }>;
};

function instantiate(): Promise<void> {
  instantiated ??= (async () => {
    const file = createRequire(import.meta.url)
      .resolve('@prisma/schema-engine-wasm/schema_engine_bg')
      .replace(/\.js$/, '.wasm');
    const { instance } = await WebAssembly.instantiate(readFileSync(file), { './schema_engine_bg.js': bindings });
    // The package's own entry does these two lines, after an import of the .wasm file that Node does not know.
    (bindings as unknown as { __wbg_set_wasm: (exports: object) => void }).__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start();
  })();
  return instantiated;
}

/** False for a script with statements that cannot share a transaction, or that ends its own. */
export function isAtomic(script: string): boolean {
  const statements = script.replaceAll(/--.*$/gm, '');
  return !/\b(CONCURRENTLY|VACUUM)\b|(^|;)\s*COMMIT\b/i.test(statements);
}

/** In the script's own transaction, so that the table never says less than the truth when the process is killed in between. */
const MARK_FINISHED = 'UPDATE _prisma_migrations SET finished_at = clock_timestamp() WHERE finished_at IS NULL AND rolled_back_at IS NULL';

/**
 * The pg adapter with two changes that migrations need: a script goes to the server whole (the original cuts it at every
 * semicolon, also inside function bodies), so a migration is one transaction; and the catalog's "char" columns are read.
 */
class MigrationAdapter implements SqlMigrationAwareDriverAdapterFactory {
  readonly provider = 'postgres';
  readonly adapterName = '@prisma/adapter-pg';
  private readonly pool: pg.Pool;
  private readonly forScripts: Pick<pg.Pool, 'query'>;

  constructor(pool: pg.Pool, forScripts: Pick<pg.Pool, 'query'>) {
    this.pool = pool;
    this.forScripts = forScripts;
  }

  async connect(): Promise<SqlDriverAdapter> {
    const { pool, forScripts } = this;
    const charColumns = new WeakMap<unknown[], number[]>();
    const adapter = await new PrismaPg(withReadableChars(pool, charColumns)).connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    return Object.assign(adapter, {
      queryRaw: async (query: SqlQuery) => {
        const result = await queryRaw(query);
        for (const column of charColumns.get(result.rows) ?? []) result.columnTypes[column] = ColumnTypeEnum.Character;
        return result;
      },
      executeScript: async (script: string) => {
        try {
          await forScripts.query(isAtomic(script) ? `${script}\n;\n${MARK_FINISHED}` : script);
        } catch (error) {
          const { message, position } = error as Error & { position?: string };
          const line = position ? `, line ${script.slice(0, Number(position)).split('\n').length}` : '';
          failure = new Error(`${message}${line}`);
          throw error;
        }
      },
    });
  }

  /** Never asked for: schema files are compared with a freshly migrated database instead. */
  connectToShadowDb(): Promise<SqlDriverAdapter> {
    throw new Error('There is no shadow database.');
  }
}

const CHAR_OID = 18;
const TEXT_OID = 25;

/** The pool, with columns of the catalog's type "char" presented as text, and remembered by the rows they came with. */
function withReadableChars(pool: pg.Pool, charColumns: WeakMap<unknown[], number[]>): pg.Pool {
  const query = async (...args: unknown[]): Promise<pg.QueryResult> => {
    const result = await (pool.query.bind(pool) as (...all: unknown[]) => Promise<pg.QueryResult>)(...args);
    const chars = (result.fields ?? []).flatMap((field, index) => (field.dataTypeID === CHAR_OID ? [index] : []));
    for (const index of chars) (result.fields[index] as pg.FieldDef).dataTypeID = TEXT_OID;
    charColumns.set(result.rows, chars);
    return result;
  };
  return new Proxy(pool, {
    get: (target, name) => {
      if (name === 'query') return query;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
