import { deployMigrations } from '../src/migrate/index.ts';

// A deployment as a process of its own, for tests that kill it: node deploy.ts SETTINGS FOLDER
const [settings = '', folder] = process.argv.slice(2);
await deployMigrations(JSON.parse(settings), () => {}, folder);
