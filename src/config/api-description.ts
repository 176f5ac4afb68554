/** Reads an OpenAPI document, in YAML or JSON, with the files beside it that it refers to (policy/validate/read-description.ts). */
import { LineCounter, isNode, parse, parseDocument } from "yaml";
import type { Document } from "yaml";
import { messageOf } from "../base/errors.ts";
import type { CompileRegex } from "../policy/route/path-regex.ts";
import { canonicalSegment } from "../policy/route/normalize-path.ts";
import { readDescription } from "../policy/validate/read-description.ts";
import type { DocumentProblem } from "../policy/validate/read-description.ts";
import type { Place } from "../policy/validate/schema-reader.ts";

/** Files that a document may consist of, and their characters together. */
const FILES_MAX = 2000;
const LENGTH_MAX = 64 * 1024 ** 2;
/** A problem in a larger file is told without its line, which takes as long as reading the file in YAML. */
const PLACED_LENGTH_MAX = 4 * 1024 ** 2;
/** Problems of a document that are told. */
const SHOWN = 10;
/** Uses of one anchor in YAML, all that are in it counted: more would make a small file a large one. */
const ALIASES_MAX = 10_000;

export interface ApiDocument {
  /** The pieces of the description; null: there are problems. */
  readonly pieces: readonly string[] | null;
  readonly operations: number;
  /** What is wrong with it, one line each, with the file and the place. */
  readonly problems: readonly string[];
  /** What is not checked, in the same form. */
  readonly unsupported: readonly string[];
  /** All files that were read or looked for. */
  readonly files: readonly string[];
}

/**
 * @param path of the document
 * @param readFile gives the text of a file; throws an Error that says why there is none
 * @param compileRegex tries the patterns of the document
 */
export function readApiDocument(path: string, readFile: (path: string) => string, compileRegex: CompileRegex): ApiDocument {
  const end = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  const [folder, file] = [path.slice(0, end), path.slice(end)];
  const texts = new Map<string, string>();
  const looked: string[] = [];
  let length = 0;
  const open = (name: string): unknown => {
    if (looked.length === FILES_MAX) throw new Error(`it consists of more than ${FILES_MAX} files`);
    looked.push(folder + name);
    const text = readFile(folder + name);
    length += text.length;
    if (length > LENGTH_MAX) throw new Error(`its files have more than ${LENGTH_MAX} characters`);
    texts.set(name, text);
    return treeOf(text);
  };
  const read = readDescription({ file, open, compileRegex, canonicalSegment });
  const places = new DocumentLines(texts);
  const shown = (isUnsupported: boolean): readonly string[] => {
    const all = read.problems.filter((problem) => problem.isUnsupported === isUnsupported);
    const lines = all.slice(0, SHOWN).map((problem) => shownProblem(problem, folder, places));
    return all.length > SHOWN ? [...lines, `${path}: ${all.length - SHOWN} more like these`] : lines;
  };
  const pieces = read.pieces.length === 0 ? null : read.pieces;
  return { pieces, operations: read.operations, problems: shown(false), unsupported: shown(true), files: looked };
}

function treeOf(text: string): unknown {
  if (/^\s*[{[]/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      // YAML says better where it is wrong, and takes more.
    }
  }
  try {
    return parse(text, { maxAliasCount: ALIASES_MAX, prettyErrors: true, logLevel: "error" });
  } catch (error) {
    // The rest of the message shows the text.
    throw new Error(`it is no YAML and no JSON: ${messageOf(error).split("\n", 1)[0]?.replace(/:$/, "") ?? ""}`, { cause: error });
  }
}

function shownProblem({ at, message }: DocumentProblem, folder: string, places: DocumentLines): string {
  const pointer = at.keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  const place = pointer === "" ? "" : `#${pointer}: `;
  return `${folder}${at.file}${places.of(at)}: ${place}${message}`;
}

/** Finds lines in the files of a document, each of which is parsed once for that. */
class DocumentLines {
  private readonly texts: ReadonlyMap<string, string>;
  private readonly parsed: Map<string, { readonly document: Document.Parsed; readonly lines: LineCounter } | null> = new Map();

  constructor(texts: ReadonlyMap<string, string>) {
    this.texts = texts;
  }

  /** `:line:column` of the value at that place, or of what is nearest to it; "": it is not known. */
  of({ file, keys }: Place): string {
    const parsed = this.parsedFile(file);
    if (parsed === null) return "";
    for (let count = keys.length; count > 0; count--) {
      const node = parsed.document.getIn(keys.slice(0, count).map(numbered), true);
      if (!isNode(node) || !node.range) continue;
      const { line, col } = parsed.lines.linePos(node.range[0]);
      return `:${line}:${col}`;
    }
    return "";
  }

  private parsedFile(file: string): { readonly document: Document.Parsed; readonly lines: LineCounter } | null {
    const known = this.parsed.get(file);
    if (known !== undefined) return known;
    const text = this.texts.get(file);
    const lines = new LineCounter();
    const isSmall = text !== undefined && text.length <= PLACED_LENGTH_MAX;
    const parsed = isSmall ? { document: parseDocument(text, { lineCounter: lines, logLevel: "silent" }), lines } : null;
    this.parsed.set(file, parsed);
    return parsed;
  }
}

/** Keys that are numbers in lists, or written as numbers. */
function numbered(key: string): string | number {
  return /^(?:0|[1-9][0-9]{0,8})$/.test(key) ? Number(key) : key;
}
