/** CHANGELOG.md as the release script reads and writes it. */

const HEADING = /^## (.+)$/gm;
const UNRELEASED = "Unreleased";

/** The text under the second-level heading `title`, up to the next such heading; null if there is no such heading. */
export function sectionOf(changelog: string, title: string): string | null {
  const headings = [...changelog.matchAll(HEADING)];
  const index = headings.findIndex(([, name = ""]) => name === title || name.startsWith(`${title} `));
  const heading = headings[index];
  if (heading === undefined) return null;
  return changelog.slice(heading.index + heading[0].length, headings[index + 1]?.index).trim();
}

/** The changelog with "Unreleased" renamed to the version and date, under a new, empty "Unreleased". Throws an Error if there is nothing to release. */
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
