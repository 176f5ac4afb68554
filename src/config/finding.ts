export type KeyPath = readonly (string | number)[];

/** Something wrong or doubtful, before it has a place in the file. */
export interface Finding {
  readonly path: KeyPath;
  /** Points at the key instead of its value. */
  readonly atKey?: boolean;
  readonly message: string;
  readonly severity: "error" | "warning";
}
