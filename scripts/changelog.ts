/** CHANGELOG.md as the release script reads and writes it. */

const HEADING = /^## (.+)$/gm;
const UNRELEASED = "Unreleased";

/** The text between that heading of the second level and the next one; null: there is no such heading. */
export function sectionOf(changelog: string, title: string): string | null {
  const headings = [...changelog.matchAll(HEADING)];
  const index = headings.findIndex(([, name = ""]) => name === title || name.startsWith(`${title} `));
  const heading = headings[index];
  if (heading === undefined) return null;
  return changelog.slice(heading.index + heading[0].length, headings[index + 1]?.index).trim();
}

/** "Unreleased" becomes the version of that day, and a new, empty one stands above it. Throws an Error where there is nothing to release. */
export function releaseSection(changelog: string, version: string, date: string): string {
  const section = sectionOf(changelog, UNRELEASED);
  if (section === null) throw new Error(`CHANGELOG.md has no section "${UNRELEASED}"`);
  if (!/^- /m.test(section)) throw new Error(`CHANGELOG.md says nothing under "${UNRELEASED}"`);
  if (sectionOf(changelog, version) !== null) throw new Error(`CHANGELOG.md already has a section ${version}`);
  return changelog.replace(`## ${UNRELEASED}\n`, `## ${UNRELEASED}\n\n## ${version} - ${date}\n`);
}

/** Whether the section has changes that users have to follow. */
export function isBreaking(section: string): boolean {
  return section.includes("**Breaking:**");
}
