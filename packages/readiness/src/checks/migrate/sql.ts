// SQL as statements and tokens: comments and bodies of strings are not code.

export type Token = { text: string; isQuoted: boolean; line: number };

export type Statement = {
  line: number;
  tokens: Token[];
  /** What is commented right before it. */
  comment: string;
};

/** What separates statements is a semicolon outside of strings, also those in dollars. */
export function statementsOf(sql: string): Statement[] {
  const statements: Statement[] = [];
  let tokens: Token[] = [];
  let comment = '';
  let line = 1;
  const end = () => {
    const [first] = tokens;
    if (first) statements.push({ line: first.line, tokens, comment });
    tokens = [];
    comment = '';
  };
  for (let at = 0; at < sql.length;) {
    const rest = sql.slice(at, at + 200);
    const long = sql.startsWith('/*', at) ? blockComment(sql, at) : null;
    const [space] = /^\s+/.exec(rest) ?? [];
    const [lineComment] = sql.startsWith('--', at) ? [sql.slice(at, endOf(sql, '\n', at))] : [];
    const [tag] = /^\$(?:[A-Za-z_]\w*)?\$/.exec(rest) ?? [];
    const [word] = /^[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/.exec(rest) ?? [];
    let piece: string;
    if (space) piece = space;
    else if (lineComment ?? long) {
      piece = lineComment ?? long ?? '';
      if (tokens.length === 0) comment += `${piece}\n`;
    } else if (tag) {
      piece = sql.slice(at, endOf(sql, tag, at + tag.length) + tag.length);
      tokens.push({ text: 'body', isQuoted: true, line });
    } else if (sql[at] === "'" || (word && /^[eE]$/.test(word) && sql[at + 1] === "'")) {
      piece = stringAt(sql, at);
      tokens.push({ text: 'string', isQuoted: true, line });
    } else if (sql[at] === '"') {
      piece = sql.slice(at, endOf(sql, '"', at + 1) + 1);
      tokens.push({ text: piece.slice(1, -1), isQuoted: true, line });
    } else if (word) {
      piece = word;
      tokens.push({ text: word.toLowerCase(), isQuoted: false, line });
    } else {
      piece = /^[\d.]+/.exec(rest)?.[0] ?? sql[at] ?? ' ';
      if (piece === ';') end();
      else tokens.push({ text: piece, isQuoted: false, line });
    }
    line += piece.split('\n').length - 1;
    at += piece.length;
  }
  end();
  return statements;
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found === -1 ? text.length : found;
}

/** Block comments nest. */
function blockComment(sql: string, start: number): string {
  let depth = 0;
  for (let at = start; at < sql.length; at++) {
    if (sql.startsWith('/*', at)) {
      depth++;
      at++;
    } else if (sql.startsWith('*/', at)) {
      at++;
      if (--depth === 0) return sql.slice(start, at + 1);
    }
  }
  return sql.slice(start);
}

/** A quote within is doubled; after E a backslash escapes. */
function stringAt(sql: string, start: number): string {
  const open = sql.indexOf("'", start);
  const isEscaped = open > start;
  for (let at = open + 1; at < sql.length; at++) {
    if (isEscaped && sql[at] === '\\') at++;
    else if (sql[at] === "'") {
      if (sql[at + 1] !== "'") return sql.slice(start, at + 1);
      at++;
    }
  }
  return sql.slice(start);
}
