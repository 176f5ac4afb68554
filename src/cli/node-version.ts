/** Refuses a Node that is too old, with which the program would fail later with a stack trace. */

/**
 * A line that says which Node is needed; null when this one is new enough.
 * @param version of this Node, such as `v22.18.0`
 * @param range `engines.node` of package.json, such as `>=22.18`
 */
export function nodeProblem(version: string, range: string): string | null {
  const [major = 0, minor = 0] = numbersOf(version);
  const [leastMajor = 0, leastMinor = 0] = numbersOf(range);
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return null;
  return `millrace needs Node ${leastMajor}.${leastMinor} or later; this is Node ${version.replace(/^v/, "")}`;
}

function numbersOf(text: string): number[] {
  return (text.match(/\d+/g) ?? []).map(Number);
}
