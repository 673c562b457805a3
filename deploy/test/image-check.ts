// `npm run deploy:image-check`: the image's test with the packages really installed, as a build does it. Takes minutes and needs the registry.
import { spawnSync } from 'node:child_process';
import { ROOT } from './image.ts';

const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', 'deploy/image.test.ts'], {
  cwd: ROOT,
  stdio: 'inherit',
  env: { ...process.env, IMAGE_PACKAGES: 'install' },
});
process.exitCode = status ?? 1;
