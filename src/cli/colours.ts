/**
 * Whether a program may colour what it writes to an output, by the conventions that users know: `NO_COLOR` (no-color.org), `FORCE_COLOR`, which
 * overrides it, and `TERM=dumb`.
 */
export function wantsColours(environment: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: unwanted = "", NODE_DISABLE_COLORS: disabled = "", TERM: terminal } = environment;
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  return isTerminal && unwanted === "" && disabled === "" && terminal !== "dumb";
}
