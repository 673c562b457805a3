// Where reports go, and in which format.
import { htmlReport } from '../report/html.ts';
import { jsonReport } from '../report/json.ts';
import { markdownReport } from '../report/markdown.ts';
import type { Report } from '../report/report.ts';
import { sarifReport } from '../report/sarif.ts';
import { UsageError } from './terminal.ts';

const FORMATS = { md: markdownReport, json: jsonReport, sarif: (report: Report) => sarifReport(report), html: htmlReport };
export type Format = keyof typeof FORMATS;

/** One report; `file` null is standard output. */
export type Output = { file: string | null; format: Format };

export function isFormat(text: string): text is Format {
  return Object.hasOwn(FORMATS, text);
}

/** Pairs each file with its format: the one given at the same position, else that of its name. */
export function outputsOf(files: string[], formats: Format[]): Output[] {
  if (files.length === 0) {
    if (formats.length > 1) throw new UsageError('several formats need several --out');
    return [{ file: null, format: formats[0] ?? 'md' }];
  }
  if (formats.length > files.length) throw new UsageError('there are more --format than --out');
  return files.map((file, index) => {
    const extension = /\.(\w+)$/.exec(file)?.[1]?.toLowerCase() ?? '';
    const format = formats[index] ?? (isFormat(extension) ? extension : null);
    if (!format) throw new UsageError(`the name ${file} does not tell the format; say --format`);
    return { file, format };
  });
}

export function rendered(report: Report, format: Format): string {
  return FORMATS[format](report);
}
