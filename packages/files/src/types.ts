/** What a file is, by its first bytes; its name and what the sender calls it are not asked. */
export type BlobType = 'image/jpeg' | 'image/png' | 'image/webp' | 'image/heic' | 'application/pdf';

/** How many first bytes decide. */
export const bytesNeeded = 16;

const HEIC_BRANDS = new Set(['heic', 'heix', 'hevc', 'heim', 'heis', 'mif1', 'msf1']);

/** Null for everything that is not taken anywhere. */
export function typeOf(start: Uint8Array): BlobType | null {
  const text = Buffer.from(start.subarray(0, bytesNeeded)).toString('latin1');
  if (text.startsWith('\xFF\xD8\xFF')) return 'image/jpeg';
  if (text.startsWith('\x89PNG\r\n\x1A\n')) return 'image/png';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'image/webp';
  if (text.slice(4, 8) === 'ftyp' && HEIC_BRANDS.has(text.slice(8, 12))) return 'image/heic';
  if (text.startsWith('%PDF-')) return 'application/pdf';
  return null;
}
