/** Whether this Node is one that the program was tested on: an older one would end in the middle with a stack trace. */

/**
 * One line that says what is needed, or null.
 * @param version of Node, such as `v22.18.0`
 * @param range as package.json's `engines` has it, such as `>=22.18`
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
