/** Whether a body has a content coding, so that nobody can look into it. */
export function isEncoded(codings: readonly string[]): boolean {
  return codings.some((coding) => coding.trim() !== "" && coding.trim().toLowerCase() !== "identity");
}
