/** The text of a JSDoc comment, as Markdown. */
export interface JsDoc {
  /** The comment's text; "" if there is none. */
  readonly text: string;
  /** The parameters that it describes, in order. */
  readonly params: readonly (readonly [name: string, text: string])[];
  /** Marked `@internal`: not part of what is published. */
  readonly isInternal: boolean;
}

/** @param comment as written, with its marks; "" for none */
export function jsDocOf(comment: string): JsDoc {
  const lines = comment
    .replace(/^\/\*\*/, "")
    .replace(/\*\/$/, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd());
  // The line end in front is for a comment that begins with a tag: there is no split at the very start of a text.
  const [about = "", ...tags] = `\n${lines.join("\n")}`.split(/^(?=[ \t]*@[a-z])/m);
  const params: [string, string][] = [];
  let isInternal = false;
  let text = about.trim();
  for (const tag of tags) {
    const [, name = "", rest = ""] = /^\s*@([a-z]+)\s*([^]*)$/.exec(tag) ?? [];
    if (name === "internal") isInternal = true;
    else if (name === "param") {
      const [, param = "", meaning = ""] = /^(\S+)\s*([^]*)$/.exec(rest.trim()) ?? [];
      params.push([param, meaning.replace(/\s+/g, " ").trim()]);
    } else throw new Error(`the API page knows no @${name}: ${comment}`);
  }
  // A comment of one line only that is marked: `/** @internal What it is. */`
  if (isInternal) text = "";
  return { text, params, isInternal };
}
