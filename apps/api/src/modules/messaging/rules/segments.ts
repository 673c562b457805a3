/** GSM 03.38: characters of one unit, and those of two. */
const BASIC = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
const EXTENDED = new Set('^{}\\[~]|€\f');

export type Segments = { encoding: 'GSM-7' | 'UCS-2'; count: number };

/**
 * How a text is carried: 160 GSM-7 units or 70 of UCS-2 alone, 153 or 67 where it takes several. One character that GSM-7 lacks
 * takes all of it to UCS-2. A character is never split between two.
 */
export function segmentsOf(text: string): Segments {
  const characters = Array.from(text);
  const isGsm = characters.every((character) => BASIC.has(character) || EXTENDED.has(character));
  const units = characters.map((character) => (isGsm ? (EXTENDED.has(character) ? 2 : 1) : character.length));
  const [alone, together] = isGsm ? [160, 153] : [70, 67];
  const encoding = isGsm ? 'GSM-7' : 'UCS-2';
  if (units.reduce((sum, unit) => sum + unit, 0) <= alone) return { encoding, count: 1 };
  let count = 1;
  let used = 0;
  for (const unit of units) {
    if (used + unit > together) {
      count++;
      used = 0;
    }
    used += unit;
  }
  return { encoding, count };
}
