/** A change of one file; `before` null makes it, `after` null removes it. */
export type Patch = { file: string; before: string | null; after: string | null; why: string };
