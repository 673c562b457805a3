import { z } from 'zod';
import { only } from './fields.ts';
import { Id, Money, PlainDate, text, Version } from './primitives.ts';

export const RoomType = z.object({ id: Id, name: z.string(), version: Version }).meta({ id: 'RoomType' });
export const CreateRoomType = z.strictObject({ name: text(80) });
export type CreateRoomType = z.infer<typeof CreateRoomType>;
export const UpdateRoomType = z.strictObject({ name: text(80), version: Version });
export type UpdateRoomType = z.infer<typeof UpdateRoomType>;

const effectiveUntil = z.string().nullable().describe('first day on which it no longer holds; its first day when it was withdrawn');

const fiveMinutes = (min: number, max: number) => z.int().min(min).max(max).multipleOf(5).meta({ multipleOf: 5 });

/** What a service takes: time, buffers around it, a kind of room. */
const terms = {
  durationMinutes: fiveMinutes(5, 720).describe("the patient's time"),
  bufferBeforeMinutes: fiveMinutes(0, 240).describe('the provider is busy this long before'),
  bufferAfterMinutes: fiveMinutes(0, 240).describe('the provider is busy this long after'),
  roomTypeId: Id.nullable().describe('kind of room; null when it needs none'),
  roomTurnoverMinutes: fiveMinutes(0, 240).describe('the room stays busy this long after'),
};

export const ServiceTerms = z.object({ id: Id, effectiveFrom: z.string(), effectiveUntil, ...terms }).meta({ id: 'ServiceTerms' });

export const ServicePrice = z
  .object({ id: Id, legalEntityId: Id, effectiveFrom: z.string(), effectiveUntil, price: Money })
  .meta({ id: 'ServicePrice' });

export const Service = z
  .object({
    id: Id,
    name: z.string(),
    category: z.string(),
    isActive: z.boolean(),
    version: Version,
    terms: z.array(ServiceTerms).describe('by date; versions that are over or withdrawn are left out of lists'),
    prices: only(
      'money:read',
      z.array(ServicePrice).describe('by date; prices that are over or withdrawn are left out of lists'),
    ).optional(),
    providerIds: z.array(Id).describe('who performs it'),
  })
  .meta({ id: 'Service' });
export type Service = z.infer<typeof Service>;

const NewTerms = z.strictObject({
  effectiveFrom: PlainDate,
  durationMinutes: terms.durationMinutes,
  bufferBeforeMinutes: terms.bufferBeforeMinutes.default(0),
  bufferAfterMinutes: terms.bufferAfterMinutes.default(0),
  roomTypeId: terms.roomTypeId.default(null),
  roomTurnoverMinutes: terms.roomTurnoverMinutes.default(0),
});

export const CreateService = z.strictObject({ name: text(120), category: text(60), terms: NewTerms });
export type CreateService = z.infer<typeof CreateService>;

export const UpdateService = z.strictObject({
  name: text(120).optional(),
  category: text(60).optional(),
  isActive: z.boolean().optional(),
  version: Version,
});
export type UpdateService = z.infer<typeof UpdateService>;

/** New terms from a date on. The terms that held until then end there; appointments keep the terms they were booked with. */
export const ReviseTerms = NewTerms;
export type ReviseTerms = z.infer<typeof ReviseTerms>;

export const SetPrice = z.strictObject({ legalEntityId: Id, effectiveFrom: PlainDate, price: only('money:read', Money) });
export type SetPrice = z.infer<typeof SetPrice>;
