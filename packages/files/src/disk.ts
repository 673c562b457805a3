import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Place } from './store.ts';

/** A folder on this machine. The store's spool must be on the same disk. */
export function diskPlace(folder: string): Place {
  const pathOf = (key: string): string => {
    const [organizationId = '', name = ''] = key.split('/');
    return join(folder, organizationId, name.slice(0, 2), name);
  };
  return {
    async write(key, file) {
      const path = pathOf(key);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await rename(file.path, path);
      // The name has reached the disk as well when this resolves.
      const parent = await open(dirname(path), 'r');
      try {
        await parent.sync();
      } finally {
        await parent.close();
      }
    },
    async read(key, firstBytes) {
      const path = pathOf(key);
      return existsSync(path) ? createReadStream(path, firstBytes === undefined ? {} : { end: firstBytes - 1 }) : null;
    },
    remove: (key) => rm(pathOf(key), { force: true }),
  };
}
