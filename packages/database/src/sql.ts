/** A statement with its parameters; `Row` is what the caller says it returns. */
export class SqlText<Row> {
  declare readonly row: Row;
  readonly text: string;
  readonly values: unknown[];
  constructor(text: string, values: unknown[]) {
    this.text = text;
    this.values = values;
  }
}

/** Tag for the second door: interpolated values become parameters, objects become JSON, nothing becomes text. */
export function sql<Row>(strings: TemplateStringsArray, ...values: unknown[]): SqlText<Row> {
  return new SqlText<Row>(
    strings.reduce((text, part, index) => `${text}$${index}${part}`),
    values,
  );
}
