/** Converts configurations of other programs into one of Millrace. Pure: text in, text and notes out. */
import { convertCaddy } from "./caddy/convert-caddy.ts";
import type { FileDraft } from "./model/draft.ts";
import { Notes } from "./model/notes.ts";
import type { Fault, Note } from "./model/notes.ts";
import type { Sources } from "./model/sources.ts";
import { writeYaml } from "./model/write-yaml.ts";
import { convertNginx } from "./nginx/convert-nginx.ts";

export type Format = "nginx" | "caddy";

export interface Conversion {
  readonly text: string;
  readonly notes: readonly Note[];
  /** Files that the configuration names and that have to be made beside it. They hold secrets. */
  readonly files: readonly FileDraft[];
  readonly fault?: undefined;
}

export interface ConvertOptions {
  readonly format: Format;
  /** Convert only what is served at this port. */
  readonly port?: string | undefined;
}

/** @param file its name, as notes show it */
export function convert(text: string, file: string, options: ConvertOptions, sources: Sources): Conversion | { readonly fault: Fault } {
  const notes = new Notes();
  const made =
    options.format === "nginx"
      ? convertNginx(text, file, options.port, sources, notes)
      : convertCaddy(text, file, options.port, sources, notes);
  if ("fault" in made) return made;
  const folder = file.slice(0, Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")) + 1);
  const shown = (lines: readonly string[]): readonly string[] => (folder === "" ? lines : lines.map((line) => line.replaceAll(folder, "")));
  const name = file.slice(folder.length);
  const head = [
    `Made of ${name} by \`millrace convert\`. What has no equivalent stands where it would have been: ${name}:LINE: WHAT: WHY.`,
  ];
  const written = writeYaml({ ...made, comments: [...head, ...made.comments] }, shown);
  return { text: written, notes: notes.sorted(), files: made.files ?? [] };
}

/** The format that a file is in, by its name or its text; null: it is neither. */
export function formatOf(text: string, file: string): Format | null {
  const name = /[^/\\]*$/.exec(file)?.[0] ?? "";
  if (/^Caddyfile|\.caddy(?:file)?$/i.test(name)) return "caddy";
  if (/nginx/i.test(name)) return "nginx";
  if (
    /;[ \t]*(?:#.*|\}[ \t]*)?$/m.test(text) &&
    /^[ \t]*(?:http|events|server|stream|upstream[ \t]+[^{;\s]+|location[ \t][^{;\n]*)[ \t]*(?:\n[ \t]*)?\{/m.test(text)
  )
    return "nginx";
  return /^[^\s#"'}][^"'\n;]*\{[ \t]*$|^\{[ \t]*$|^[ \t]*(?:reverse_proxy|file_server|respond|redir)\b/m.test(text) ? "caddy" : null;
}
