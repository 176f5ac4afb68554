/**
 * The line of a file that a problem is about, with nothing in it that may be a secret. Shown are keys of Millrace, and the word at the place of
 * the problem where the message quotes it. All else is `...`, whatever its length: a token may stand on the same line, or in a wrong place.
 */
import { fullFormJsonSchema, placesOf, shortFormJsonSchema } from "../schema/json-schema.ts";
import type { Problem } from "./problem.ts";

export interface Excerpt {
  readonly line: string;
  /** The place of the problem in `line`, from 0. */
  readonly caret: number;
}

/** Nothing is shown of a longer line, which takes time to look through. */
const SOURCE_MAX = 5000;
/** More of a line is not shown. */
const WIDTH_MAX = 160;
/** How much is shown before the place of the problem where the line is longer. */
const BEFORE_MAX = 80;

/** The excerpt for a problem; null when nothing of its line may be shown. */
export function excerptOf(text: string, problem: Problem): Excerpt | null {
  const source = text.split(/\r\n|[\r\n]/)[problem.line - 1];
  if (source === undefined || source.length > SOURCE_MAX) return null;
  const at = problem.column - 1;
  const words = [...keySpans(source), quotedSpan(source, at, problem)].filter((span) => span !== null);
  if (words.length === 0) return null;
  const indentation = { start: 0, end: /^[ \t]*(?:-[ \t]+)*/.exec(source)?.[0].length ?? 0 };
  const spans = [indentation, ...words].sort((a, b) => a.start - b.start || b.end - a.end);
  return shortened(masked(source, spans, at));
}

/** A part of a line that may be shown. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** A key with its colon, and the indentation, the dashes or the brackets before it. */
const KEY = /(^[ \t]*(?:-[ \t]+)*|(?:[{[,][ \t]*)+)("?)([A-Za-z_]\w*)\2[ \t]*:(?=[ \t]|$)/g;
/** A text in quotes, or the beginning of one that goes on in the next line; and a comment. */
const QUOTED_OR_COMMENT = /(?<=^|[\s{[,:])(?:"(?:[^"\\]|\\.)*(?:"|$)|'(?:[^']|'')*(?:'|$)|(?<=^|\s)#.*$)/g;

function keySpans(source: string): Span[] {
  const known = keysOfMillrace();
  const hidden = [...source.matchAll(QUOTED_OR_COMMENT)].filter(
    ({ 0: text, index }) => !/^[ \t]*:/.test(source.slice(index + text.length)),
  );
  return [...source.matchAll(KEY)].flatMap(({ 0: text, 1: before = "", 3: key = "", index }) => {
    const start = index + before.length;
    const isHidden = hidden.some((each) => start >= each.index && start < each.index + each[0].length);
    return known.has(key) && !isHidden ? [{ start: index, end: index + text.length }] : [];
  });
}

/** The word at the place of the problem: a key that the problem names, or a value that its message quotes. */
function quotedSpan(source: string, at: number, { message, key }: Problem): Span | null {
  if (/[^\s{[,:]$/.test(source.slice(0, at))) return null;
  const [text = "", , word = "", colon] = /^(["']?)([^\s"',:[\]{}#]+)\1(?=[\s,:\]}]|$)([ \t]*:)?/.exec(source.slice(at)) ?? [];
  const isNamed = colon !== undefined && key.split(".").at(-1) === word;
  const isQuoted = message.includes(JSON.stringify(word)) || message.endsWith(`found ${word}`);
  return word !== "" && (isNamed || isQuoted) ? { start: at, end: at + text.length } : null;
}

/** The line with all but these spans masked. */
function masked(source: string, spans: readonly Span[], at: number): Excerpt {
  let line = "";
  let caret = -1;
  const add = (text: string): void => {
    line += text;
  };
  /** What is not shown from `start` to `end`. */
  const hide = (start: number, end: number): void => {
    const text = source.slice(start, end);
    const isBlank = text.trim() === "";
    if (start === at) caret = line.length + (isBlank || !/^\s/.test(text) ? 0 : 1);
    add(isBlank ? text.slice(0, 1) : `${/^\s/.test(text) ? " " : ""}...${/\s$/.test(text) ? " " : ""}`);
  };
  let done = 0;
  for (const { start, end } of [...spans, { start: source.length, end: source.length }]) {
    if (start < done) continue;
    if (done < at && at < start) {
      // The caret gets a place of its own.
      hide(done, at);
      if (!line.endsWith(" ")) add(" ");
      done = at;
    }
    if (done < start) hide(done, start);
    if (start <= at && at < end) caret = line.length + at - start;
    add(source.slice(start, end));
    done = end;
  }
  return { line: line.replaceAll("\t", " ").trimEnd(), caret: caret < 0 ? line.length : caret };
}

function shortened({ line, caret }: Excerpt): Excerpt {
  if (line.length <= WIDTH_MAX) return { line, caret };
  const from = Math.max(0, Math.min(caret - BEFORE_MAX, line.length - WIDTH_MAX));
  const part = line.slice(from, from + WIDTH_MAX);
  return from === 0 ? { line: part, caret } : { line: `...${part}`, caret: caret - from + 3 };
}

let keys: ReadonlySet<string> | null = null;

/** Every key that a configuration may have, in any place. */
function keysOfMillrace(): ReadonlySet<string> {
  return (keys ??= new Set(
    [fullFormJsonSchema(), shortFormJsonSchema()].flatMap((schema) => placesOf(schema).map((place) => place.replace(/^.*\./, ""))),
  ));
}
