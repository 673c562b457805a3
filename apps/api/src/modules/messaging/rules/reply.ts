/** Words that end text messages (FCC list and the providers' own), each the whole text or the beginning of a short one. */
const STOP = /^(stop ?all|cancel|end|quit|revoke)\b/;
/** Those that hardly mean anything else, wherever they stand; who stops by is no doubt. */
const ANYWHERE = /\bstop(?! (by|in|over|at|off)\b)|\bunsubscribe\b|\bopt(ing)? ?out\b/;
const START = /^(start|unstop|yes)$/;
const HELP = /^(help|info)$/;
/** What people write instead: asking not to be written to. */
const PLAINLY =
  /\b(quit|cease|cancel|end|don'?t|do not|never|no more)\b.{0,30}\b(text|texts|texting|message|messages|messaging|contact|contacting|sms|send|sending)\b|\b(remove|take) (me|my (number|phone|name))\b|\bleave me alone\b|\bwrong number\b/;

/** What a text that somebody sent asks for. A doubt ends the messages: the law asks for that, and staff can undo it. */
export function readReply(text: string): 'stop' | 'start' | 'help' | null {
  const said = text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[’‘]/g, "'")
    .replaceAll(/[^a-z' ]/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  if (START.test(said)) return 'start';
  if (HELP.test(said)) return 'help';
  // "Cancel my visit" asks for something else than "cancel".
  const isKeyword = STOP.test(said) && said.split(' ').length <= 3 && !/^(cancel|end) my /.test(said);
  return isKeyword || ANYWHERE.test(said) || PLAINLY.test(said) ? 'stop' : null;
}
