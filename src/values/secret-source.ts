/** Where the value of a secret comes from, if it does not stand in the configuration itself. */

/** A file whose first line is the secret. */
export interface SecretFile {
  readonly kind: "file";
  /** Relative to the folder of the configuration, or absolute. */
  readonly path: string;
}

/** A program whose output is the secret. */
export interface SecretCommand {
  readonly kind: "command";
  /** The program and its arguments. */
  readonly exec: readonly string[];
  /** Values of the environment that stand in the arguments, and that no message may show. */
  readonly hidden: readonly string[];
  /** The folder in which it runs: that of the file that says it. */
  readonly folder: string;
  /** Milliseconds between two runs. */
  readonly renew: number;
  /** Milliseconds that a run may take. */
  readonly timeout: number;
}

export type SecretSource = SecretFile | SecretCommand;
