import type { Channel } from '@medspa/contracts';
import type { Ctx } from '../../../platform/context.ts';

/** Where a value of a message is sealed. */
export function placeInMessage(ctx: Ctx, column: 'address_sealed' | 'title_sealed' | 'body_sealed', rowId: string) {
  return { organizationId: ctx.organizationId, table: 'message', column, rowId };
}

/** The keyed hash of an address, one for messages and consents, so that they meet. */
export function indexOf(ctx: Ctx, address: string): Uint8Array<ArrayBuffer> {
  return ctx.codec.blindIndex(
    { organizationId: ctx.organizationId, table: 'message_consent', column: 'address_sealed' },
    address.toLowerCase(),
  );
}

export function channelOf(address: string): Channel {
  return address.includes('@') ? 'email' : 'sms';
}
