/** The types of texts that people write into a configuration in TypeScript. The values themselves are checked when the file is loaded. */

/** A text with `${NAME}` or `${NAME:-default}`, which stands for the value of an environment variable: `"${TIMEOUT:-10s}"`. */
export type Variable = `${string}\${${string}}${string}`;

/**
 * A duration: `"250ms"`, `"10s"`, `"1m30s"`, or a text with a variable, `"${TIMEOUT:-10s}"`. A text that is made while the program runs is one by
 * `as Duration`.
 */
export type Duration =
  | `${number}${"h" | "m" | "s" | "ms"}`
  | `${number}h${number}${"m" | "s" | "ms"}`
  | `${number}m${number}${"s" | "ms"}`
  | `${number}s${number}ms`
  | `${number}h${number}m${number}${"s" | "ms"}`
  | `${number}${"h" | "m"}${number}s${number}ms`
  | `${number}h${number}m${number}s${number}ms`
  | Variable;

/** A size: `"64KiB"`, `"10MiB"`, `"10MB"`, or a text with a variable, `"${MAX:-1MiB}"`. Bytes alone are a number. */
export type Size = `${number}${"" | " "}${"B" | "kB" | "KB" | "KiB" | "MB" | "MiB" | "GB" | "GiB"}` | `${number}` | Variable;

/** Where to listen: `":8080"`, `"127.0.0.1:8080"`, `"[::1]:8080"`, `"unix:/run/millrace.sock"`, `"fd:3"`, or a text with a variable. */
export type Address = `${string}:${string}` | Variable;
