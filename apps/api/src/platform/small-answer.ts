/** The text of an answer of somebody else, or an error when it is larger than it may be; what is declared is not believed. */
export async function smallText(answer: Response, maxBytes: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of answer.body ?? []) {
    size += (piece as Uint8Array).length;
    if (size > maxBytes) throw new Error('The answer is too large.');
    pieces.push(piece as Uint8Array);
  }
  return Buffer.concat(pieces).toString('utf8');
}
