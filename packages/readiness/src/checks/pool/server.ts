// What the repository says of its PostgreSQL server.
import type { Place } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { lineAt } from '../../project/source.ts';

const FILE = /\.(ya?ml|tf|tfvars|sh|bash|conf|toml|json)$|(^|\/)(Makefile|Justfile|Procfile)$/;
const VALUE = /max_connections["']?\s*(?:[=:]|value\s*=|[,}\s]*\n?\s*value\s*[=:])\s*["']?(\d{1,5})/g;

/** `max_connections` as a file sets it: a flag of Cloud SQL, Terraform, a configuration of the server, else compose. */
export function maxConnections(project: Project): { value: number; place: Place } | null {
  const found = project.files.paths
    .filter((path) => FILE.test(path) && !['test', 'example', 'document', 'generated'].includes(project.kindOf(path)))
    .flatMap((path) => {
      const text = project.files.read(path) ?? '';
      if (!text.includes('max_connections')) return [];
      return [...text.matchAll(VALUE)].map((one) => ({ value: Number(one[1]), place: { file: path, line: lineAt(text, one.index) } }));
    });
  // Compose is what developers run, unless nothing else is deployed.
  const isCompose = ({ place: { file } }: { place: Place }) => /compose[^/]*\.ya?ml$/.test(file);
  const elsewhere = project.deployments.deployments.some(({ platform }) => platform !== 'compose' && platform !== 'docker');
  return found.find((one) => !isCompose(one)) ?? (elsewhere ? undefined : found.find(isCompose)) ?? null;
}
