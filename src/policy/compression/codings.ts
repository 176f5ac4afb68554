/** The content codings that are known here. */
export const CODINGS = ["zstd", "br", "gzip"] as const;
export type Coding = (typeof CODINGS)[number];

/** The coding of a body that has one only, and one that is known here. @param values of Content-Encoding */
export function decodable(values: readonly string[]): Coding | null {
  const given = values.join(",").trim().toLowerCase();
  // RFC 9110 section 8.4.1.3.
  const name = given === "x-gzip" ? "gzip" : given;
  return CODINGS.find((each) => each === name) ?? null;
}
