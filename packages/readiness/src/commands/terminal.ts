// What a run writes to, how it ends, and what it says to somebody who typed something wrong.

/** The world of a run: where it writes, and which day it is. */
export type Terminal = { out: (text: string) => void; error: (text: string) => void; isTerminal: boolean; today: string };

export const EXIT = { fine: 0, findings: 1, usage: 2, broken: 3 };

/** The command was used wrongly; its message is for the one who typed it. */
export class UsageError extends Error {}
