/**
 * Makes a release. `npm run release -- 0.2.0` says what it would do; with `--write` it does it: the changelog's "Unreleased" gets the version and
 * the date, package.json and the lock file get the version, and these changes become a commit with a tag. Nothing leaves this machine. When the
 * tag is pushed, .github/workflows/release.yml checks everything again and publishes the package with its provenance.
 */
import path from "node:path";
import { parseArgs } from "node:util";
import { isBreaking, releaseSection, sectionOf } from "./changelog.ts";
import { Checkout } from "./checkout.ts";
import { versionProblem } from "./versions.ts";

const HELP = `npm run release -- VERSION [--write]   what would be done; with --write, do it
npm run release -- --verify TAG         fails unless package.json and the changelog have the tag's version
npm run release -- --notes TAG          prints the changelog's section
`;

try {
  process.stdout.write(main(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`release: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function main(argv: string[]): string {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      write: { type: "boolean", default: false },
      verify: { type: "string" },
      notes: { type: "string" },
      folder: { type: "string", default: path.join(import.meta.dirname, "..") },
    },
  });
  const checkout = new Checkout(values.folder);
  if (values.notes !== undefined) return notes(checkout, values.notes);
  if (values.verify !== undefined) return verify(checkout, values.verify);
  const [version] = positionals;
  return version === undefined || positionals.length > 1 ? HELP : release(checkout, version, values.write);
}

function release(checkout: Checkout, version: string, write: boolean): string {
  const last = checkout.version();
  const before = checkout.read("CHANGELOG.md");
  // Read the changelog first: the version is judged by its section.
  const changelog = releaseSection(before, version, new Date().toISOString().slice(0, 10));
  const section = sectionOf(changelog, version) ?? "";
  const problem = versionProblem(version, last, isBreaking(section)) ?? checkout.problem(`v${version}`);
  if (problem !== null) throw new Error(problem);
  const steps = [
    `CHANGELOG.md: "Unreleased" becomes ${version}, ${section.split("\n").filter((line) => line.startsWith("- ")).length} lines`,
    `package.json, package-lock.json: ${last} becomes ${version}`,
    `git commit -m "release: ${version}"`,
    `git tag v${version}, with the section as its message`,
  ];
  if (!write) return `would do, with --write:\n${steps.map((step) => `  ${step}\n`).join("")}`;
  checkout.write("CHANGELOG.md", changelog);
  for (const file of ["package.json", "package-lock.json"]) checkout.write(file, withVersion(checkout.read(file), last, version));
  checkout.git("add", "CHANGELOG.md", "package.json", "package-lock.json");
  checkout.git("commit", "--quiet", "-m", `release: ${version}`);
  checkout.git("tag", "--annotate", "--cleanup=verbatim", `v${version}`, "-m", `Millrace ${version}\n\n${section}\n`);
  return `done:\n${steps.map((step) => `  ${step}\n`).join("")}next: git push --follow-tags, and the release workflow publishes it\n`;
}

function verify(checkout: Checkout, tag: string): string {
  if (`v${checkout.version()}` !== tag) throw new Error(`package.json has ${checkout.version()}, the tag is ${tag}`);
  notes(checkout, tag);
  return `${tag} is what package.json and CHANGELOG.md have\n`;
}

function notes(checkout: Checkout, tag: string): string {
  const section = sectionOf(checkout.read("CHANGELOG.md"), tag.replace(/^v/, ""));
  if (section === null) throw new Error(`CHANGELOG.md has no section ${tag.replace(/^v/, "")}`);
  return `${section}\n`;
}

/** The text with the package's own version replaced. The lock file has it twice, each time after the package's name. */
function withVersion(text: string, last: string, next: string): string {
  const own = new RegExp(`("name": "millrace",\\n\\s*"version": )"${last.replaceAll(".", "\\.")}"`, "g");
  return text.replaceAll(own, `$1"${next}"`);
}
