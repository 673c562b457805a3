#!/usr/bin/env node
// The command `readiness`.
import { run } from './cli.ts';

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  isTerminal: process.stderr.isTTY,
  today: new Date().toISOString().slice(0, 10),
});
