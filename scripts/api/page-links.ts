import type { Exported } from "./entry-exports.ts";

/** The places of a page that its texts may refer to. Add all headings in their order before the first text is made. */
export class PageLinks {
  private readonly slugs: Map<string, number> = new Map();
  /** Targets by the key of the declaration. */
  private readonly targets: Map<string, string> = new Map();
  /** Keys by the name of the export, of each entry. */
  private readonly names: Map<string, string> = new Map();

  /** Adds a heading and returns the link to it, as GitHub makes it. */
  heading(title: string): string {
    const slug = title
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-");
    const before = this.slugs.get(slug) ?? 0;
    this.slugs.set(slug, before + 1);
    return before === 0 ? `#${slug}` : `#${slug}-${before}`;
  }

  /** Adds an export that can be found at this link. */
  add({ name, key }: Exported, target: string): void {
    if (!this.targets.has(key)) this.targets.set(key, target);
    if (!this.names.has(name)) this.names.set(name, key);
  }

  /** The link to a declaration; null: the page does not have it. */
  to(key: string): string | null {
    return this.targets.get(key) ?? null;
  }

  /** The text of a comment, where `{@link Name}` and names in code style are links, except in blocks of code and to the export itself. */
  linked(text: string, { uses, key }: Exported): string {
    const link = (word: string, name: string): string => {
      const to = uses.get(name) ?? this.names.get(name);
      const target = to === undefined || to === key ? null : this.to(to);
      return target === null ? `\`${word}\`` : `[\`${word}\`](${target})`;
    };
    return text
      .split(/(```[^]*?```)/)
      .map((part, index) =>
        index % 2 === 1
          ? part
          : part
              .replaceAll(/\{@link\s+([\w.]+)\s*\}/g, (_, word: string) => `\`${word}\``)
              .replaceAll(/\bdocs\/([a-z-]+\.md)/g, "[$1]($1)")
              .replaceAll(/`([A-Za-z]\w+)((?:\.\w+)*)`/g, (_, name: string, rest: string) => link(name + rest, name)),
      )
      .join("");
  }
}
