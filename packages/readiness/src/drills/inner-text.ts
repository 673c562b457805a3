/** What drivers, Prisma, PostgreSQL and stack traces say, and no answer may. */
export const INNER_TEXT =
  /prisma(?:client)?\w*\b.{0,20}(?:error|invocation)|`[^`\n]*` invocation|duplicate key value|violates [\w-]+ constraint|Failing row contains|relation "[^"]+"|syntax error at|ECONN\w+|SQLSTATE|Connection terminated|timeout exceeded when|server closed the connection|password authentication|postgres(?:ql)?:\/\/|\bat [\w.<> ]*\(?\S+\.[cm]?[jt]s:\d+|node_modules/i;
