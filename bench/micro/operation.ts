/** One benchmarked step of the hot path, called as the proxy calls it. */
export interface Operation {
  /** The folder or phase, a slash, and what varies: `parse/request-same`. */
  readonly name: string;
  /** What one operation is, in a few words. */
  readonly about: string;
  /** Makes the data that the operation works on. This is not measured. */
  prepare(): Run;
}

/**
 * Does the operation `count` times. Returns a number that depends on every result: if it is printed, an optimising compiler cannot leave anything
 * out.
 */
export type Run = (count: number) => number;

/** The operations whose names begin with one of the words; all of them if there are no words. */
export function chosen(operations: readonly Operation[], words: readonly string[]): readonly Operation[] {
  return words.length === 0 ? operations : operations.filter(({ name }) => words.some((word) => name.startsWith(word)));
}
