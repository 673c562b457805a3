export { diskPlace } from './disk.ts';
export { BlobMissing, BlobRefused, createBlobStore, newBlobKey, type Blob, type BlobStore, type BlobType } from './store.ts';
export { cleanPhoto, PHOTO_TYPES, PhotoRefused, type Photo } from './photo.ts';
export { renderDocument, type Block, type PrintedDocument } from './document.ts';
export { s3Place, type S3Settings } from './s3.ts';
