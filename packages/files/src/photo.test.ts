import { randomBytes } from 'node:crypto';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { cleanPhoto, PHOTO_TYPES } from './index.ts';

// A small picture with a red left and a blue right half, so that its direction shows.
const half = (background: string) => ({ create: { width: 60, height: 80, channels: 3 as const, background } });
const picture = () =>
  sharp({ create: { width: 120, height: 80, channels: 3, background: 'red' } }).composite([{ input: half('blue'), left: 60, top: 0 }]);
const HIDDEN = 'Paula Patient, 40.7128 N';

/** With everything a camera writes, and a script after the end. */
async function fromACamera(): Promise<Buffer> {
  const image = await picture()
    .withExif({ IFD0: { Copyright: HIDDEN, Make: 'Camera' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '40/1 42/1 46/1' } })
    .withXmp(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><note>${HIDDEN}</note></x:xmpmeta>`)
    .withIccProfile('p3')
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
  return Buffer.concat([image, Buffer.from('<script>alert(1)</script>')]);
}

describe('a photo', () => {
  test('ASVS 14.2.8: loses everything but its pixels', async () => {
    const raw = await fromACamera();
    expect(raw.includes(HIDDEN)).toBe(true);
    const { bytes } = await cleanPhoto(raw);
    for (const hidden of [HIDDEN, 'Exif', 'adobe', 'ICC_PROFILE', 'Camera', 'script']) expect(bytes.includes(hidden), hidden).toBe(false);
    const { exif, xmp, icc, iptc, orientation } = await sharp(bytes).metadata();
    expect([exif, xmp, icc, iptc, orientation]).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });

  test('stands upright afterwards', async () => {
    const photo = await cleanPhoto(await fromACamera());
    expect([photo.width, photo.height]).toEqual([80, 120]);
    const pixels = await sharp(photo.bytes).raw().toBuffer();
    // Turned clockwise, its left half is on top.
    expect(pixels.readUInt8(0)).toBeGreaterThan(200);
    expect(pixels.readUInt8(pixels.length - 3)).toBeLessThan(60);
  });

  test.each(['jpeg', 'png', 'webp'] as const)('is taken as %s and becomes a JPEG', async (format) => {
    const photo = await cleanPhoto(await picture().toFormat(format).toBuffer());
    expect((await sharp(photo.bytes).metadata()).format).toBe('jpeg');
    expect(photo).toMatchObject({ type: 'image/jpeg', width: 120, height: 80 });
    expect(PHOTO_TYPES).toContain(`image/${format}`);
  });

  test('that was transparent is white there', async () => {
    const clear = await sharp({ create: { width: 8, height: 8, channels: 4, background: '#00000000' } })
      .png()
      .toBuffer();
    expect(
      (
        await sharp((await cleanPhoto(clear)).bytes)
          .raw()
          .toBuffer()
      ).every((value) => value > 250),
    ).toBe(true);
  });

  test('ASVS 5.2.2: is refused when it is something else, whatever it is called', async () => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="99999" height="99999"><script>alert(1)</script></svg>`;
    const heic = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypheic'), randomBytes(100)]);
    for (const other of [Buffer.from(svg), await picture().gif().toBuffer(), Buffer.from('%PDF-1.7'), heic, Buffer.alloc(0)])
      await expect(cleanPhoto(other)).rejects.toMatchObject({ reason: 'type' });
  });

  test('ASVS 5.2.6: of too many pixels is refused before they are opened', async () => {
    const bomb = await sharp({ create: { width: 8_000, height: 6_500, channels: 3, background: 'white' }, limitInputPixels: false })
      .png()
      .toBuffer();
    expect(bomb.length).toBeLessThan(2_000_000);
    const before = process.memoryUsage().rss;
    await expect(cleanPhoto(bomb)).rejects.toMatchObject({ reason: 'too-large' });
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  test('that is cut is refused', async () => {
    for (const format of ['jpeg', 'png', 'webp'] as const) {
      const whole = await sharp(randomBytes(200 * 200 * 3), { raw: { width: 200, height: 200, channels: 3 } })
        .toFormat(format)
        .toBuffer();
      await expect(cleanPhoto(whole.subarray(0, whole.length / 2)), format).rejects.toMatchObject({ reason: 'damaged' });
    }
  });

  test('that was mangled is refused or cleaned, and nothing worse', async () => {
    const whole = await fromACamera();
    for (let round = 0; round < 100; round++) {
      const mangled = Buffer.from(whole);
      for (let hit = 0; hit < 1 + (round % 10); hit++)
        mangled.writeUInt8((round * 37 + hit * 11) % 256, 3 + ((round * 7_919 + hit * 104_729) % (whole.length - 3)));
      const outcome = await cleanPhoto(mangled).then(
        ({ bytes }) => (bytes.includes(HIDDEN) ? 'leaked' : 'cleaned'),
        (error: Error) => error.name,
      );
      expect(['cleaned', 'PhotoRefused'], `round ${round}`).toContain(outcome);
    }
  });
});
