export { assign, type AssignedService, type Assignment, type Claim } from './assign.ts';
export { paintBoard, type Board, type Elsewhere, type LocationTime, type ProviderTime, type ResourceKind, type UnitTime } from './board.ts';
export type { Gap } from './gaps.ts';
export type { Obstacle, Why } from './obstacles.ts';
export type { LocalDay, Rules, StartRule } from './rules.ts';
export { countStarts, eachStart, findStarts, findStartsByProvider, hasStart, type Starts } from './starts.ts';
export { SLOT_MINUTES, type Minute, type Stretch } from './time.ts';
export { MOST_IN_ANY_ORDER, type Buffers, type Phase, type Service, type Visit } from './visit.ts';
export { whyNot, type Change, type Reason, type WhyNot } from './why-not.ts';
