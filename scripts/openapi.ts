// Writes the OpenAPI document that the routes and schemas make, or, with --check, fails when the committed one is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openApiDocument } from '../apps/api/src/app.ts';

const FILE = join(import.meta.dirname, '../apps/api/openapi.json');
const document = `${JSON.stringify(openApiDocument('http://127.0.0.1:8080'), null, 2)}\n`;

if (!process.argv.includes('--check')) {
  writeFileSync(FILE, document);
  console.log(`Wrote ${FILE}.`);
} else if (readFileSync(FILE, 'utf8') !== document) {
  console.error('apps/api/openapi.json is not what the routes and schemas make.');
  process.exitCode = 1;
}
