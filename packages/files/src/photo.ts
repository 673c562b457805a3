import sharp from 'sharp';
import { typeOf } from './types.ts';

/** A photo as this product makes it: pixels and nothing else. */
export type Photo = { bytes: Buffer; type: 'image/jpeg'; width: number; height: number };

/** What is taken; HEIC, which the image library cannot read, has to be converted on the device. */
export const PHOTO_TYPES = ['image/jpeg', 'image/png', 'image/webp'] as const;

/** `type`: of another kind, by its first bytes. `too-large`: more pixels than we open. `damaged`: not a whole image. */
export class PhotoRefused extends Error {
  override readonly name = 'PhotoRefused';
  readonly reason: 'type' | 'too-large' | 'damaged';
  constructor(reason: 'type' | 'too-large' | 'damaged', cause?: unknown) {
    super(`The photo is refused (${reason}).`, { cause });
    this.reason = reason;
  }
}

const MOST_PIXELS = 50_000_000;
const QUALITY = 90;
const LONGEST_SECONDS = 20;

// Uploads of different clinics must not stand in each other's cache, and one photo must not take every core.
sharp.cache(false);
sharp.concurrency(1);

/**
 * Decodes the photo and encodes it anew, upright, in sRGB. Nothing but pixels comes through: no place, camera, time, thumbnail,
 * colour profile, or bytes after the image. Throws `PhotoRefused`; the size of the file is limited by who reads it.
 */
export async function cleanPhoto(bytes: Uint8Array): Promise<Photo> {
  const type = typeOf(bytes);
  if (!PHOTO_TYPES.some((one) => one === type)) throw new PhotoRefused('type');
  const image = sharp(bytes, { limitInputPixels: MOST_PIXELS, failOn: 'warning', sequentialRead: true });
  try {
    const { data, info } = await image
      .timeout({ seconds: LONGEST_SECONDS })
      .autoOrient()
      .toColourspace('srgb')
      // What is transparent becomes white, not black.
      .flatten({ background: '#ffffff' })
      .jpeg({ quality: QUALITY })
      .toBuffer({ resolveWithObject: true });
    return { bytes: data, type: 'image/jpeg', width: info.width, height: info.height };
  } catch (error) {
    throw new PhotoRefused(/pixel limit/.test((error as Error).message) ? 'too-large' : 'damaged', error);
  }
}
