/** The Markdown of one export on the API page. */
import type { Exported } from "./entry-exports.ts";
import type { Member } from "./member.ts";
import type { PageLinks } from "./page-links.ts";

/** Spaces in front of a member in the source. */
const MEMBER_INDENT = 2;

/** Heading, signature, text, members, and links to the types that occur. */
export function exportText(exported: Exported, links: PageLinks): string {
  const { name, signature, doc, members, uses } = exported;
  const parts = [
    `#### \`${name}\``,
    fenced(signature),
    doc.text === "" ? "" : links.linked(doc.text, exported),
    paramsText(exported, links, doc.params),
    members.map((member) => memberText(exported, member, links)).join("\n\n"),
    typesText([...uses], exported, links),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function memberText(exported: Exported, { signature, doc }: Member, links: PageLinks): string {
  const parts = [
    signature.includes("\n") ? fenced(signature, MEMBER_INDENT) : `\`${signature}\``,
    doc.text === "" ? "" : links.linked(doc.text, exported),
    paramsText(exported, links, doc.params),
  ];
  const text = parts.filter((part) => part !== "").join("\n\n");
  return `- ${text.replace(/\n(?=[^\n])/g, "\n  ")}`;
}

function paramsText(exported: Exported, links: PageLinks, params: readonly (readonly [name: string, text: string])[]): string {
  return params.map(([name, text]) => `- \`${name}\`: ${links.linked(text, exported)}`).join("\n");
}

function typesText(uses: readonly (readonly [name: string, key: string])[], exported: Exported, links: PageLinks): string {
  const others = uses.flatMap(([name, key]) => {
    const target = key === exported.key ? null : links.to(key);
    return target === null ? [] : [`[\`${name}\`](${target})`];
  });
  return others.length === 0 ? "" : `Types: ${others.join(", ")}`;
}

/** A block of code. Lines after the first lose the indentation that they have in the source. */
function fenced(code: string, indent: number = 0): string {
  return `\`\`\`ts\n${code.replaceAll(`\n${" ".repeat(indent)}`, "\n")}\n\`\`\``;
}
