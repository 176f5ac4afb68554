/**
 * The states of the writing side of a raw transport. While a write is unfinished, `end` only notes that a shutdown is wanted: if libuv were told to shut
 * down at once, it would wait for the write too, but could no longer reset the connection.
 *
 *     open --end--> ending --all written--> shutting down --> ended
 *       `-----------destroySoon--> closing --all written--> destroyed
 */
export const Output: {
  readonly open: 0;
  readonly ending: 1;
  readonly closing: 2;
  readonly shuttingDown: 3;
  readonly ended: 4;
} = { open: 0, ending: 1, closing: 2, shuttingDown: 3, ended: 4 };

export type Output = (typeof Output)[keyof typeof Output];
