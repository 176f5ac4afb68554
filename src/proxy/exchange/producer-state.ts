/**
 * The states of a producer (body-producer.ts): a stage or a source, which takes one body, its input, and makes another, its output.
 *
 * ```text
 *   input   .--------- resumes --------.
 *           v                          |
 *          open --its flush is false--> full
 *           `------ complete ---------- `----> ended
 *
 *   output  .------ takes more -----.
 *           v                       |
 *          open --receiver slow--> blocked       .--- `end` after all ---.
 *           |                       |            |                       v
 *           `-----------------------`--given up--> aborted             ended
 *           `-----------------------`--complete------------------------^
 * ```
 * A sender that was told to wait knows that itself. It is told to go on when the input is not full and, for a stage, the output is open.
 */

/** Whether the producer takes more of its input. */
export const Input = {
  /** More may come. */
  open: 0,
  /** The producer's `flush` returned false: the sender waits until the producer calls `resume`. */
  full: 1,
  /** The whole input was delivered. */
  ended: 2,
} as const;
export type Input = (typeof Input)[keyof typeof Input];

/** Whether the receiver takes more of the output. */
export const Output = {
  /** The receiver takes more. */
  open: 0,
  /** The receiver takes no more for now. */
  blocked: 1,
  /** The producer has called `end`. Its later calls have no effect. */
  ended: 2,
  /** The producer has failed, or was given up. Its later calls have no effect. */
  aborted: 3,
} as const;
export type Output = (typeof Output)[keyof typeof Output];

/** The states that each state may change to. Tests check every change against these two tables. */
export const INPUT_FOLLOWING: Readonly<Record<Input, readonly Input[]>> = {
  [Input.open]: [Input.full, Input.ended],
  [Input.full]: [Input.open, Input.ended],
  [Input.ended]: [],
};

export const OUTPUT_FOLLOWING: Readonly<Record<Output, readonly Output[]>> = {
  [Output.open]: [Output.blocked, Output.ended, Output.aborted],
  [Output.blocked]: [Output.open, Output.ended, Output.aborted],
  [Output.ended]: [],
  // A source that calls `end` within its `start`, after its exchange has ended, is not told of the abort.
  [Output.aborted]: [Output.ended],
};
