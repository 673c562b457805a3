import { describe, expect, test } from 'vitest';
import { readSchemas } from '../src/project/prisma.ts';

const BASE = `generator client {
  provider = "prisma-client-js"
}

datasource db {
  provider  = "postgresql"
  url       = env("DATABASE_URL") // the pool is in it
  directUrl = env("DIRECT_URL")
}
`;
const MODEL = `/// Not the end: }
/*
model Old {
}
*/
model Patient {
  id    String @id @default("}")
  email String @unique
}
`;
const schemaOf = (files: Record<string, string>) => readSchemas(Object.keys(files), (path) => files[path] ?? null);

describe('a schema', () => {
  test('of Prisma 5 is read with its settings and their lines', () => {
    const [schema] = schemaOf({ 'prisma/schema.prisma': BASE + MODEL });
    expect(schema).toMatchObject({ provider: 'postgresql', isValid: true });
    expect(schema?.blocks[1]?.settings.get('url')).toEqual({ value: 'env("DATABASE_URL")', line: 7 });
    expect(schema?.models).toEqual([{ name: 'Patient', place: { file: 'prisma/schema.prisma', line: 15 } }]);
  });

  test('may lie in several files of a folder, and a folder is a schema of its own', () => {
    const schemas = schemaOf({ 'a/base.prisma': BASE, 'a/patient.prisma': MODEL, 'b/schema.prisma': BASE.replace('postgresql', 'mysql') });
    expect(schemas.map(({ provider, models, files }) => [provider, models.length, files.length])).toEqual([
      ['postgresql', 1, 2],
      ['mysql', 0, 1],
    ]);
  });

  test("that Prisma's parser does not understand still tells its models", () => {
    const [schema] = schemaOf({ 'schema.prisma': `${BASE}${MODEL}model Broken {\n  id Strin @@@\n}\n` });
    expect(schema?.isValid).toBe(false);
    expect(schema?.models.map(({ name }) => name)).toEqual(expect.arrayContaining(['Patient', 'Broken']));
  });
});
