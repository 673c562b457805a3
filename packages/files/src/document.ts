import { createRequire } from 'node:module';
import Pdf from 'pdfkit';
import { typeOf } from './types.ts';

/** A piece of a document, from top to bottom. Widths of columns are shares of the line. */
export type Block =
  | { kind: 'heading'; level: 1 | 2 | 3; text: string }
  | { kind: 'paragraph'; text: string }
  | { kind: 'table'; columns: { title: string; share: number; align?: 'left' | 'right' }[]; rows: string[][] }
  | { kind: 'image'; bytes: Uint8Array; alt: string; widthPoints: number };

/** `issuedAt` is when the document came to be, not when it is printed. `pageOf` is put below each page, in its language. */
export type PrintedDocument = {
  title: string;
  language: string;
  issuedAt: Date;
  size: 'LETTER' | 'A4';
  blocks: Block[];
  pageOf: (page: number, pages: number) => string;
};

const resolve = createRequire(import.meta.url).resolve;
const REGULAR = resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf');
const BOLD = resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf');

const MARGIN = 54;
const TEXT_SIZE = 10;
const SMALL_SIZE = 8;
const HEADING_SIZES = { 1: 18, 2: 14, 3: 11 };

/**
 * The document as a PDF. The same document gives the same bytes on any day, in any zone, on any machine, as long as the versions of
 * the library and the font stay, so its hash can be signed. Tagged for screen readers (headings, tables, alternative texts); fonts
 * are embedded. Throws for an image that is not a JPEG, and for a character that the font does not have: a contract must not show
 * a box.
 */
export async function renderDocument(printed: PrintedDocument): Promise<Buffer> {
  const pdf = new Pdf({
    size: printed.size,
    margin: MARGIN,
    bufferPages: true,
    font: REGULAR,
    lang: printed.language,
    pdfVersion: '1.7',
    // The types do not know it yet.
    subset: 'PDF/UA' as string as PDFKit.PDFDocumentOptions['subset'],
    tagged: true,
    displayTitle: true,
    // What a compressor makes of the same bytes differs between processors and versions of Node; then no hash would hold.
    compress: false,
    info: {
      // The library puts it into XML as it is.
      Title: printed.title.replaceAll(/[<>&]/g, ' '),
      Producer: 'medspa',
      Creator: 'medspa',
      CreationDate: printed.issuedAt,
      ModDate: printed.issuedAt,
    },
  });
  const chunks: Buffer[] = [];
  const done = new Promise<void>((finish, fail) =>
    pdf
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', finish)
      .on('error', fail),
  );
  pdf.registerFont('regular', REGULAR).registerFont('bold', BOLD);

  const root = pdf.struct('Document');
  pdf.addStructure(root);
  for (const block of printed.blocks) addBlock(pdf, root, block);
  root.end();
  numberPages(pdf, printed.pageOf);
  pdf.end();
  await done;
  return Buffer.concat(chunks);
}

function addBlock(pdf: PDFKit.PDFDocument, root: PDFKit.PDFStructureElement, block: Block): void {
  switch (block.kind) {
    case 'heading': {
      // A heading at the foot of a page belongs to the next one.
      if (pdf.y > pdf.page.height - MARGIN - 4 * HEADING_SIZES[block.level]) pdf.addPage();
      const draw = () => write(pdf, 'bold', HEADING_SIZES[block.level], block.text);
      root.add(pdf.struct(`H${block.level}`, {}, draw));
      break;
    }
    case 'paragraph':
      root.add(pdf.struct('P', {}, () => write(pdf, 'regular', TEXT_SIZE, block.text)));
      break;
    case 'table':
      addTable(pdf, root, block);
      break;
    case 'image': {
      const bytes = Buffer.from(block.bytes);
      // The one kind that is put into the file as it is.
      if (typeOf(bytes) !== 'image/jpeg') throw new Error('An image in a document is a JPEG, as `cleanPhoto` makes it.');
      const width = Math.min(block.widthPoints, pdf.page.width - 2 * MARGIN);
      const draw = () => {
        pdf.image(bytes, { width });
        pdf.moveDown(0.5);
      };
      root.add(pdf.struct('Figure', { alt: block.alt }, draw));
      break;
    }
  }
}

function write(pdf: PDFKit.PDFDocument, font: 'regular' | 'bold', size: number, text: string): void {
  pdf.font(font).fontSize(size);
  demandGlyphs(pdf, text);
  pdf.text(text, { lineGap: 2 }).moveDown(0.5);
}

function addTable(pdf: PDFKit.PDFDocument, root: PDFKit.PDFStructureElement, table: Extract<Block, { kind: 'table' }>): void {
  const { columns, rows } = table;
  const shares = columns.reduce((sum, { share }) => sum + share, 0);
  const wrong = rows.find((row) => row.length !== columns.length);
  if (wrong) throw new Error(`A row has ${wrong.length} cells, and the table ${columns.length} columns.`);
  pdf.font('regular').fontSize(TEXT_SIZE);
  for (const text of [...columns.map(({ title }) => title), ...rows.flat()]) demandGlyphs(pdf, text);
  const align = (index: number) => ({ align: { x: columns[index]?.align ?? ('left' as const), y: 'top' as const } });
  const tagged: object = { structParent: root };
  pdf.table({
    ...tagged,
    columnStyles: columns.map(({ share }) => ({ width: ((pdf.page.width - 2 * MARGIN) * share) / shares })),
    defaultStyle: { padding: 4, border: { bottom: 0.5, top: 0, left: 0, right: 0 }, borderColor: '#999999' },
    data: [
      columns.map(({ title }, index) => ({ text: title, type: 'TH' as const, font: { src: 'bold' }, ...align(index) })),
      ...rows.map((row) => row.map((text, index) => ({ text, ...align(index) }))),
    ],
  });
  pdf.moveDown(0.5);
}

/** Once all pages are there. Numbers are no content: a screen reader leaves them out. */
function numberPages(pdf: PDFKit.PDFDocument, pageOf: PrintedDocument['pageOf']): void {
  const { start, count } = pdf.bufferedPageRange();
  for (let page = start; page < start + count; page++) {
    pdf.switchToPage(page);
    // Below the margin, where text would begin a new page.
    const { bottom } = pdf.page.margins;
    pdf.page.margins.bottom = 0;
    pdf.markContent('Artifact', { type: 'Pagination' });
    pdf.font('regular').fontSize(SMALL_SIZE);
    const text = pageOf(page - start + 1, count);
    demandGlyphs(pdf, text);
    pdf.text(text, MARGIN, pdf.page.height - MARGIN / 2 - SMALL_SIZE, {
      width: pdf.page.width - 2 * MARGIN,
      align: 'center',
      lineBreak: false,
    });
    pdf.endMarkedContent();
    pdf.page.margins.bottom = bottom;
  }
}

function demandGlyphs(pdf: PDFKit.PDFDocument, text: string): void {
  const { font } = (pdf as unknown as { _font: { font: { hasGlyphForCodePoint(code: number): boolean } } })._font;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (character !== '\n' && !font.hasGlyphForCodePoint(code))
      throw new Error(`The font has no sign for U+${code.toString(16).toUpperCase().padStart(4, '0')}.`);
  }
}
