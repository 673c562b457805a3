/** A connection to the audited database, signed in as the service does. */
export type LiveDatabase = {
  /** Rows of one statement; it only reads. */
  query: <Row>(text: string, values?: unknown[]) => Promise<Row[]>;
};
