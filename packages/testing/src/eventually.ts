/**
 * Asks until the answer is one (neither false nor empty), and returns it; throws after ten seconds unless told otherwise. For
 * what others do in their own time.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T> | T,
  limitMillis = 10_000,
): Promise<Exclude<T, false | '' | null | undefined>> {
  for (const deadline = Date.now() + limitMillis; ; await new Promise((resolve) => setTimeout(resolve, 15))) {
    const answer = await ask();
    if (answer) return answer as Exclude<T, false | '' | null | undefined>;
    if (Date.now() > deadline) throw new Error(`Within ${limitMillis / 1_000} seconds it did not happen that ${what}.`);
  }
}
