export type KeyPath = readonly (string | number)[];

/** Something wrong or doubtful, before it has a place in the file. */
export interface Finding {
  readonly path: KeyPath;
  /** Points at the key instead of its value. */
  readonly atKey?: boolean;
  readonly message: string;
  /** Whether a last key that the schema does not know may be shown: it is no secret. */
  readonly keyIsHarmless?: boolean;
  /** The key that the one at `path` was probably meant for: that it is missing is no second problem. */
  readonly insteadOf?: KeyPath;
  /** Keys of which one is missing, and nothing else is wrong. */
  readonly missing?: readonly KeyPath[];
  readonly severity: "error" | "warning";
}
