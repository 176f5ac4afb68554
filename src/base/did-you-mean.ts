/** Finds the word that a misspelled one was meant for, for the messages of `millrace check`. */

/** Longer words are not looked at: no key is that long, and the time for a comparison grows with the product of both lengths. */
const LENGTH_MAX = 64;

/** The end of a message, `; did you mean "address"?`; "" when no candidate is near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  return near === null ? "" : `; did you mean "${near.word}"?`;
}

/** The candidate that the word was probably meant for, and their edit distance. Null when none is near; the first of equally near ones. */
export function nearest(word: string, candidates: readonly string[]): { readonly word: string; readonly distance: number } | null {
  if (word.length > LENGTH_MAX) return null;
  let best = "";
  // At most a third of the letters may differ, so that "adress" is found but a short word is not taken for any other.
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === "" ? null : { word: best, distance: bestDistance };
}

/** The least number of insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row: number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let distance = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) distance = Math.min(distance, (before[j - 2] ?? 0) + 1);
      next.push(distance);
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}
