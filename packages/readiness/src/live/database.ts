/** A connection to the audited database, signed in as the service does. */
export type LiveDatabase = {
  /** Rows of one statement; it only reads. */
  query: <Row>(text: string, values?: unknown[]) => Promise<Row[]>;
};

/** Connects; the caller closes it with `await using`. */
export function openLiveDatabase(_url: string): Promise<LiveDatabase & AsyncDisposable> {
  return Promise.reject(new Error('live checks of a database are not part of this version'));
}
