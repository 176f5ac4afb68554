/** Version numbers of releases, as https://semver.org has them. */

const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$/;

/**
 * Why the version `next` cannot follow `last`, in words; null if it can. A breaking change raises the second number before 1.0, and the first after.
 * @param breaking whether the changelog names breaking changes
 */
export function versionProblem(next: string, last: string, breaking: boolean): string | null {
  const [to, from] = [VERSION.exec(next), VERSION.exec(last)];
  if (to === null) return `"${next}" is no version, such as 0.2.0 or 1.0.0-rc.1`;
  if (from === null) return `package.json has "${last}", which is no version`;
  const [major, minor, patch] = numbers(to);
  const [lastMajor, lastMinor, lastPatch] = numbers(from);
  const difference = major - lastMajor || minor - lastMinor || patch - lastPatch;
  // A prerelease comes before its release.
  const follows = difference > 0 || (difference === 0 && from[4] !== undefined && to[4] !== from[4]);
  if (!follows) return `${next} does not follow ${last}`;
  const raised = major > lastMajor || (lastMajor === 0 && minor > lastMinor) || from[4] !== undefined;
  if (breaking && !raised)
    return `CHANGELOG.md names breaking changes: ${lastMajor === 0 ? `0.${lastMinor + 1}.0` : `${lastMajor + 1}.0.0`}, not ${next}`;
  return null;
}

function numbers(version: RegExpExecArray): [number, number, number] {
  return [Number(version[1]), Number(version[2]), Number(version[3])];
}
