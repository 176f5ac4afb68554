/**
 * Generates docs/api.md from the sources: every name that the package exports, with its signature and its JSDoc. Decision 0021 says why it
 * reads the sources, and with what.
 */
import { exportsOf } from "./api/entry-exports.ts";
import type { Exported } from "./api/entry-exports.ts";
import { exportText } from "./api/export-text.ts";
import { Modules } from "./api/module.ts";
import { PageLinks } from "./api/page-links.ts";

/** A module that package.json exports. */
interface Entry {
  /** How it is imported. */
  readonly name: string;
  readonly file: string;
  readonly about: string;
}

const ENTRIES: readonly Entry[] = [
  {
    name: "millrace",
    file: "src/millrace.ts",
    about:
      "For configurations in TypeScript, for middleware ([middleware.md](middleware.md)), and for programs that run the proxy themselves\n([embedding.md](embedding.md)).",
  },
  {
    name: "millrace/testing",
    file: "src/testing/test-proxy.ts",
    about: "A whole proxy inside a test, in memory and under a clock that the test moves. [testing.md](testing.md) shows its use.",
  },
  {
    name: "millrace/http-proxy-middleware",
    file: "src/http-proxy-middleware/create-proxy-middleware.ts",
    about:
      "The proxy with the interface of http-proxy-middleware. [http-proxy-middleware.md](http-proxy-middleware.md) lists its options and where it differs.",
  },
];

/** Topics of the types, in the order of the page. A type belongs to the first topic whose pattern fits the file that declares it. */
const TOPICS: readonly (readonly [title: string, files: RegExp])[] = [
  ["Middleware", /^src\/(?:middleware\/(?!config-input|body-stages|transformed-body|response-source)|shared\/)/],
  ["Hooks", /^src\/proxy\/(?:feature\/(?:middleware|exchange-state)|exchange\/|local-answer)/],
  ["Heads and fields", /^src\/http\//],
  ["Bodies", /^src\/(?:proxy\/feature\/body-stage|middleware\/(?:body-stages|transformed-body))/],
  ["Sources", /^src\/(?:proxy\/feature|middleware)\/response-source/],
  ["Requests of one's own", /^src\/proxy\/feature\/fetch/],
  ["Embedding", /^src\/(?:embed|explain)\//],
  ["http-proxy-middleware", /^src\/http-proxy-middleware\//],
  ["Tests", /^src\/(?:testing|observe)\//],
];

/** Files whose types are those of a configuration. Their keys are not repeated here. */
const CONFIGURATION = /^src\/(?:config\/|middleware\/config-input)/;

/** The exports of each entry, by its name. */
export function apiExports(): ReadonlyMap<string, readonly Exported[]> {
  const modules = new Modules(new URL("../", import.meta.url));
  return new Map(ENTRIES.map(({ name, file }) => [name, exportsOf(modules, file)]));
}

/** The text of docs/api.md. */
export function apiPage(): string {
  const exports = apiExports();
  const links = new PageLinks();
  links.heading("API");
  const entries = ENTRIES.map((entry) => {
    links.heading(entry.name);
    return { ...entry, sections: sectionsOf(exports.get(entry.name) ?? [], entry.file, links) };
  });
  return `${HEAD}${entries.map(({ name, about, sections }) => `\n## ${name}\n\n${about}\n${sections.map((section) => section()).join("")}`).join("")}`;
}

/** The sections of an entry. Their texts are made when all links are known. */
function sectionsOf(exported: readonly Exported[], entry: string, links: PageLinks): readonly (() => string)[] {
  const groups = new Map<string, Exported[]>();
  for (const title of [CALLS, ...TOPICS.map(([topic]) => topic), FURTHER]) groups.set(title, []);
  const configuration: Exported[] = [];
  for (const each of inOrder(exported, entry))
    if (isCalled(each)) groups.get(CALLS)?.push(each);
    else if (CONFIGURATION.test(each.file)) configuration.push(each);
    else groups.get(TOPICS[topicOf(each)]?.[0] ?? FURTHER)?.push(each);
  const sections = [...groups].flatMap(([title, members]) => (members.length === 0 ? [] : [sectionOf(title, members, links)]));
  return configuration.length === 0 ? sections : [...sections, configurationOf(configuration, links)];
}

const CALLS = "Functions, classes and constants";
const FURTHER = "Further types";

/** First what the entry itself declares, then by topic; what one file declares stays in the order of the file. */
function inOrder(exported: readonly Exported[], entry: string): readonly Exported[] {
  const files = [entry, ...exported.map(({ file }) => file)];
  const rank = (each: Exported): number => (each.file === entry ? -1 : topicOf(each));
  return exported.toSorted((a, b) => rank(a) - rank(b) || files.indexOf(a.file) - files.indexOf(b.file) || a.start - b.start);
}

/** Index of the topic; that after the last one: none fits. */
function topicOf({ file }: Exported): number {
  const index = TOPICS.findIndex(([, files]) => files.test(file));
  return index < 0 ? TOPICS.length : index;
}

function isCalled({ kind, isType }: Exported): boolean {
  return !isType && (kind === "function" || kind === "class" || kind === "constant");
}

function sectionOf(title: string, members: readonly Exported[], links: PageLinks): () => string {
  links.heading(title);
  for (const member of members) links.add(member, links.heading(member.name));
  return () => `\n### ${title}\n\n${members.map((member) => exportText(member, links)).join("\n")}`;
}

/** Types of a configuration are only named: the reference page has the keys. */
function configurationOf(members: readonly Exported[], links: PageLinks): () => string {
  const target = links.heading("Configuration");
  for (const member of members) links.add(member, target);
  return () => {
    const rows = members.map((member) => `- \`${member.name}\`: ${links.linked(member.doc.text.replaceAll("\n", " "), member)}`);
    return `\n### Configuration\n\nThe keys, their values and defaults are on [their own page](configuration.md).\n\n${rows.join("\n")}\n`;
  };
}

const HEAD = `# API

For whoever imports Millrace into a program, a test or a middleware. After reading this page you know every name that the package exports, what it
takes and what it gives. The package has ES modules only. Its types need those of Node (\`@types/node\`), and no other package.

This page is generated from the sources by \`npm run docs\`. Members that are marked as internal are not on it, and not in the published types.
`;
