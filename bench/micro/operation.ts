/** One thing that the proxy does for a request, called as the proxy calls it. */
export interface Operation {
  /** The folder or phase, a slash, and what varies: `parse/request-same`. */
  readonly name: string;
  /** What one operation is, in a few words. */
  readonly about: string;
  /** Makes what it works on; none of that is measured. */
  prepare(): Run;
}

/**
 * Does it `count` times and returns a number that depends on every result: whoever adds these up and shows the sum leaves nothing that an
 * optimising compiler could leave out.
 */
export type Run = (count: number) => number;

/** Those whose name begins with one of the words; all of them without a word. */
export function chosen(operations: readonly Operation[], words: readonly string[]): readonly Operation[] {
  return words.length === 0 ? operations : operations.filter(({ name }) => words.some((word) => name.startsWith(word)));
}
