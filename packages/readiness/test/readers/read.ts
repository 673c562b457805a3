import { kindOf } from '../../src/project/kinds.ts';
import type { Deployments } from '../../src/project/deployment.ts';
import { memoryFiles } from '../../src/project/files.ts';
import { readDeployments } from '../../src/project/readers/read.ts';

/** What the readers see in these files. */
export function read(files: Record<string, string>): Deployments {
  return readDeployments(memoryFiles(files), (path) => kindOf(path, () => files[path] ?? null));
}

/** A setting of a test, at a line of the one file. */
export function at<T>(file: string) {
  return (value: T, line: number) => ({ value, place: { file, line } });
}
