/** Words that end text messages (FCC list and the providers' own), each the whole text or its beginning. */
const STOP = /^(stop|stop ?all|unsubscribe|cancel|end|quit|revoke|opt ?out)\b/;
const START = /^(start|unstop|yes)$/;
const HELP = /^(help|info)$/;
/** What people write instead: asking not to be written to. */
const PLAINLY =
  /\b(stop|quit|cease|don'?t|do not|never|no more)\b.{0,30}\b(text|texts|texting|message|messages|messaging|contact|contacting|sms)\b|\b(remove|take) me\b|\bleave me alone\b|\bwrong number\b/;

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
  const first = STOP.exec(said)?.[1];
  const isKeyword = first !== undefined && (said.split(' ').length <= 3 || !['cancel', 'end', 'stop', 'quit'].includes(first));
  return (isKeyword && !/^(cancel|end) my /.test(said)) || PLAINLY.test(said) ? 'stop' : null;
}
