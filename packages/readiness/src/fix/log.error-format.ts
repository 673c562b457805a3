// Errors of the client are short in production.
import type { Project } from '../project/project.ts';
import { propertyOf } from '../project/source.ts';
import { valueOf } from '../project/values.ts';
import { constructions } from './client.ts';
import { patchOf, styleOf, withProperty, type Edit } from './edit.ts';
import type { Patch } from './patch.ts';

export function fixErrorFormat(project: Project): Patch[] {
  return project.services.flatMap((service) =>
    constructions(project, service, 'PrismaClient').flatMap(({ source, node, options }) => {
      const { quote } = styleOf(source);
      const quoted = (text: string) => `${quote}${text}${quote}`;
      const minimal = `errorFormat: process.env.NODE_ENV === ${quoted('development')} ? ${quoted('pretty')} : ${quoted('minimal')}`;
      const edits: Edit[] = [];
      if (options === null) {
        if (source.text.endsWith('()', node.end)) edits.push({ start: node.end - 1, end: node.end - 1, text: `{ ${minimal} }` });
      } else if (options) {
        const given = propertyOf(options, 'errorFormat');
        const isSpread = options.properties.some(({ type }) => type === 'SpreadElement');
        if (!given && !isSpread) edits.push(...withProperty(source, options, minimal));
        const { value } = valueOf(given, source, project.resolve);
        // Only what is written down here: a value from elsewhere has its reasons elsewhere.
        if (given && (value === 'pretty' || value === 'colorless') && /^(Literal|ConditionalExpression)$/.test(given.type))
          edits.push({ start: given.start, end: given.end, text: minimal.replace('errorFormat: ', '') });
      }
      return patchOf(source, edits, 'errors are `minimal` in production');
    }),
  );
}
