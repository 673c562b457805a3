import { createHash } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { renderDocument, type PrintedDocument } from './index.ts';

// One grey pixel, as it is, so that no encoder has a part in the document's hash.
const photo = Buffer.from(
  '/9j/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/wAARCAABAAEDASIAAhEBAxEB/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/xAAUAQEAAAAAAAAAAAAAAAAAAAAA/8QAFBEBAAAAAAAAAAAAAAAAAAAAAP/aAAwDAQACEQMRAD8AAA//2Q==',
  'base64',
);
const aReceipt = (changes: Partial<PrintedDocument> = {}): PrintedDocument => ({
  title: 'Receipt 2026-0042',
  language: 'en-US',
  issuedAt: new Date('2026-03-08T06:30:00Z'),
  size: 'LETTER',
  pageOf: (page, pages) => `Page ${page} of ${pages}`,
  blocks: [
    { kind: 'heading', level: 1, text: 'Receipt' },
    { kind: 'paragraph', text: 'Zoë Łukasiewicz-Ødegård, Ελένη, Дарья — “thank you”.' },
    {
      kind: 'table',
      columns: [
        { title: 'Service', share: 3 },
        { title: 'Amount', share: 1, align: 'right' },
      ],
      rows: [
        ['Toxin, 20 units', '$240.00'],
        ['Tip', '$40.00'],
      ],
    },
    { kind: 'image', bytes: photo, alt: 'The face from the front', widthPoints: 120 },
  ],
  ...changes,
});

const inside = (pdf: Buffer): string => pdf.toString('latin1');

describe('a document', () => {
  test('is the same, byte for byte, on any day and in any zone', async () => {
    const first = await renderDocument(aReceipt());
    vi.useFakeTimers({ now: new Date('2031-07-01T12:00:00Z'), toFake: ['Date'] });
    const later = await renderDocument(aReceipt()).finally(() => vi.useRealTimers());
    expect(later.equals(first)).toBe(true);
    // Written down: it holds across processes, zones and machines. A new version of the library or the font may change it on purpose.
    expect(createHash('sha256').update(first).digest('hex')).toBe('bcf2fa1f1cb581a08f9f6f5bf1eddad89e5a81f991aeea91d169b777b7371a89');
  });

  test('is another one when anything in it is', async () => {
    const same = aReceipt();
    const first = await renderDocument(same);
    for (const changes of [{ title: 'Other' }, { issuedAt: new Date('2026-03-08T06:30:01Z') }, { blocks: same.blocks.slice(1) }])
      expect((await renderDocument(aReceipt(changes))).equals(first)).toBe(false);
  });

  test('is tagged: language, title, headings, table and the texts of images', async () => {
    const text = inside(await renderDocument(aReceipt()));
    for (const tag of ['/Document', '/H1', '/P', '/Table', '/TR', '/TH', '/TD', '/Figure']) expect(text, tag).toContain(`/S ${tag}\n`);
    expect(text).toContain('/Lang (en-US)');
    expect(text).toContain('/Alt (The face from the front)');
    expect(text).toContain('/Marked true');
    expect(text).toContain('pdfuaid:part>1<');
    expect(text).toContain('/DisplayDocTitle true');
  });

  test('brings its fonts along', async () => {
    const text = inside(await renderDocument(aReceipt()));
    const fonts = [...text.matchAll(/\/BaseFont \/(\S+)/g)].map(([, name]) => name);
    expect(fonts.length).toBeGreaterThan(0);
    for (const name of fonts) expect(name).toMatch(/^[A-Z]{6}\+DejaVuSans/);
    expect(text).toMatch(/\/FontFile2 /);
  });

  test('of many pages has their numbers, also where a table goes on', async () => {
    const rows = Array.from({ length: 120 }, (_, index) => [`Line ${index}`, `$${index}.00`]);
    const long = aReceipt({
      blocks: [
        {
          kind: 'table',
          columns: [
            { title: 'What', share: 3 },
            { title: 'Amount', share: 1 },
          ],
          rows,
        },
        { kind: 'paragraph', text: 'The end of it. '.repeat(400) },
      ],
    });
    const asked: string[] = [];
    const pdf = await renderDocument({
      ...long,
      pageOf: (page, pages) => {
        asked.push(`${page}/${pages}`);
        return `${page}/${pages}`;
      },
    });
    const pages = (pdf.toString('latin1').match(/\/Type \/Page\n/g) ?? []).length;
    expect(pages).toBeGreaterThan(4);
    expect(asked).toEqual(Array.from({ length: pages }, (_, index) => `${index + 1}/${pages}`));
  });

  test('that cannot be shown as it is written is refused', async () => {
    const broken: [PrintedDocument['blocks'][number], RegExp][] = [
      [{ kind: 'paragraph', text: 'A box: \u{4E2D}' }, /no sign for U\+4E2D/],
      [{ kind: 'table', columns: [{ title: 'One', share: 1 }], rows: [['a', 'b']] }, /2 cells, and the table 1 columns/],
      [{ kind: 'image', bytes: Buffer.from('<svg/>'), alt: 'x', widthPoints: 10 }, /An image in a document is a JPEG/],
    ];
    for (const [block, reason] of broken) await expect(renderDocument(aReceipt({ blocks: [block] }))).rejects.toThrow(reason);
  });
});
