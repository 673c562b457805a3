// The last door before a report: no text passes it with a secret, whatever a check put into a finding.
import type { Project } from '../project/project.ts';
import { maskSecrets } from '../project/source.ts';

const PATH = /[\w@.()[\]$+-]+(?:\/[\w@.()[\]$+-]+)+/g;

/** Masks secrets, and leaves paths of the project readable, which can look as random as a key. */
export function cleaner(project: Project): (text: string) => string {
  const paths = new Set(project.files.paths);
  return (text) => {
    const kept: string[] = [];
    const held = text.replaceAll(PATH, (found) => {
      const path = found.replace(/\.$/, '');
      return paths.has(path) ? `\uE000${kept.push(path) - 1}\uE001${found.slice(path.length)}` : found;
    });
    return maskSecrets(held).replaceAll(/\uE000(\d+)\uE001/g, (_, index: string) => kept[Number(index)] ?? '');
  };
}
