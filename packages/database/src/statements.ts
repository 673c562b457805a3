import { createHash } from 'node:crypto';

const MAX_PARAMETERS = 40;
const TRANSACTION_CONTROL = /^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET)\b/i;

/**
 * Names statements so that the server parses and plans each text once per connection, up to `max` distinct texts.
 *
 * Unnamed stay: transaction control (BEGIN must take the simple protocol), texts with many parameters (one text per list
 * length would fill the cache), and whatever comes after the cache is full. `max` 0 names nothing.
 */
export function statementNames(max: number): (text: string, parameters: number) => string | undefined {
  const names = new Map<string, string>();
  return (text, parameters) => {
    const known = names.get(text);
    if (known !== undefined) return known;
    if (names.size >= max || parameters > MAX_PARAMETERS || TRANSACTION_CONTROL.test(text)) return undefined;
    const name = createHash('sha256').update(text).digest('base64url').slice(0, 24);
    names.set(text, name);
    return name;
  };
}
