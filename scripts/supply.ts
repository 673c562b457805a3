// What the project is made of: every package of the lockfile has a hash and a licence that we may use. Works offline.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Licences of what runs in production: permissive only. */
const PERMISSIVE = new Set([
  'MIT',
  'Apache-2.0',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'MIT-0',
  'BlueOak-1.0.0',
  'Unlicense',
  'Python-2.0',
  'CC0-1.0',
  'MIT and ISC',
]);

/** Unmodified tools of development and pages may also be these. */
const WEAK_COPYLEFT = new Set(['MPL-2.0', 'LGPL-3.0-or-later', 'EPL-2.0']);

/** Packages whose package.json names no licence, with where it stands. */
const STATED_ELSEWHERE: Record<string, string> = {
  'seq-queue': 'MIT, in the LICENSE of its repository; a tool of development (Prisma CLI)',
};

/** What runs in production under another licence, each one looked at. */
const REVIEWED: [name: RegExp, license: string][] = [
  // libvips, unmodified and loaded as a library of its own.
  [/^@img\/sharp-/, 'LGPL-3.0-or-later'],
  [/^@img\/sharp-/, 'Apache-2.0 AND LGPL-3.0-or-later'],
  [/^@img\/sharp-/, 'Apache-2.0 AND LGPL-3.0-or-later AND MIT'],
  // The licence of Bitstream Vera: free to use, embed and redistribute; its name may not be given to a changed font.
  [/^dejavu-fonts-ttf$/, 'SEE LICENSE IN README.md AND LICENSE'],
  // MIT, in its LICENSE file.
  [/^png-js$/, ''],
];

type Entry = { version?: string; link?: boolean; integrity?: string; license?: string; dev?: boolean; devOptional?: boolean };

/** Every package without a sha512 hash or with a licence we may not use, as `package: sentence`. */
export function findSupplyViolations(root: string): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Entry> };
  return Object.entries(packages)
    .filter(([path, entry]) => path.includes('node_modules/') && !entry.link)
    .flatMap(([path, entry]) => {
      const name = path.replace(/^.*node_modules\//, '');
      // devOptional: a tool that a product's package names as an optional peer (the Prisma CLI).
      const isTool = entry.dev === true || entry.devOptional === true;
      const license = entry.license ?? '';
      const isReviewed = REVIEWED.some(([one, its]) => one.test(name) && its === license);
      const mayUse = PERMISSIVE.has(license) || isReviewed || (isTool && (WEAK_COPYLEFT.has(license) || name in STATED_ELSEWHERE));
      return [
        ...(entry.integrity?.startsWith('sha512-') ? [] : [`${name} ${entry.version}: the lockfile has no sha512 hash of it`]),
        ...(mayUse
          ? []
          : [`${name} ${entry.version}: licence "${license || 'none'}" is not one that ${isTool ? 'a tool' : 'the product'} may have`]),
      ];
    });
}
