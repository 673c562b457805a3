import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { Assertion, NewCredential, PasskeyCreation, PasskeyRequest } from '@medspa/contracts';

/** What the browser or the device says other than it should. */
export type Quirks = {
  origin?: string;
  rpId?: string;
  challenge?: string;
  type?: string;
  crossOrigin?: boolean;
  isVerified?: boolean;
  isPresent?: boolean;
  counter?: number;
  userHandle?: string;
  signature?: string;
};

/** A device with one passkey, and the browser before it: what they would say, made with Node's own cryptography. */
export type Device = {
  create: (options: PasskeyCreation, quirks?: Quirks) => NewCredential;
  get: (options: PasskeyRequest, quirks?: Quirks) => Assertion;
};

const [PRESENT, VERIFIED, HAS_KEY] = [0x01, 0x04, 0x40];

/** A device that counts its signatures, unless told otherwise, and asks who holds it. */
export function aDevice(origin: string, { counts = true } = {}): Device {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const credentialId = randomBytes(32);
  const id = credentialId.toString('base64url');
  let counted = 0;
  let handle = '';

  function clientData(type: string, challenge: string, quirks: Quirks): Buffer {
    const said = { type, challenge, origin, crossOrigin: false, ...quirks };
    return Buffer.from(JSON.stringify({ type: said.type, challenge: said.challenge, origin: said.origin, crossOrigin: said.crossOrigin }));
  }

  function authenticatorData(rpId: string, { isPresent = true, isVerified = true, ...quirks }: Quirks, flags = 0): Buffer {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(quirks.counter ?? (counts ? ++counted : 0));
    const said = flags | (isPresent ? PRESENT : 0) | (isVerified ? VERIFIED : 0);
    return Buffer.concat([sha256(quirks.rpId ?? rpId), Buffer.from([said]), counter]);
  }

  return {
    create: ({ rp, user, challenge }, quirks = {}) => {
      handle = user.id;
      const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
      // COSE_Key of ES256 (RFC 9053), then the attestation object, both in CBOR.
      const key = Buffer.concat([hex('a5010203262001215820'), Buffer.from(x, 'base64url'), hex('225820'), Buffer.from(y, 'base64url')]);
      const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, credentialId.length]), credentialId, key]);
      const authData = Buffer.concat([authenticatorData(rp.id, quirks, HAS_KEY), attested]);
      const attestation = Buffer.concat([
        hex('a3'),
        cborText('fmt'),
        cborText('none'),
        cborText('attStmt'),
        hex('a0'),
        cborText('authData'),
        Buffer.from([0x58, authData.length]),
        authData,
      ]);
      return {
        id,
        rawId: id,
        type: 'public-key',
        response: {
          clientDataJSON: clientData('webauthn.create', challenge, quirks).toString('base64url'),
          attestationObject: attestation.toString('base64url'),
          transports: ['internal'],
        },
      };
    },
    get: ({ rpId, challenge }, quirks = {}) => {
      const client = clientData('webauthn.get', challenge, quirks);
      const data = authenticatorData(rpId, quirks);
      const signature = sign('sha256', Buffer.concat([data, createHash('sha256').update(client).digest()]), privateKey);
      return {
        id,
        rawId: id,
        type: 'public-key',
        response: {
          clientDataJSON: client.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: quirks.signature ?? signature.toString('base64url'),
          userHandle: quirks.userHandle ?? handle,
        },
      };
    },
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest();
const hex = (text: string) => Buffer.from(text, 'hex');
const cborText = (text: string) => Buffer.concat([Buffer.from([0x60 + text.length]), Buffer.from(text)]);
