/**
 * Reads files of requests with what is expected of each, a line each:
 *
 * ```text
 * GET https://a.test/x -H 'X-Beta: 1' => upstream app
 * ```
 * docs/commands.md describes the format.
 */
import type { ExplainedRequest } from "./read-request.ts";

/** A request of the file. */
export interface RequestLine {
  /** From 1. */
  readonly line: number;
  readonly request: ExplainedRequest;
  /** The line without what is expected, as it stands in the file. */
  readonly text: string;
  /** Null: nothing is. */
  readonly expected: Expectation | null;
}

/** What is expected of a request. Null in place of a value: anything will do. */
export interface Expectation {
  /** As it stands in the file. */
  readonly text: string;
  /** The name of the route, or its position such as `#1`. */
  readonly route: string | null;
  readonly end:
    | { readonly kind: "upstream"; readonly upstream: string; readonly target: string | null }
    | { readonly kind: "answer"; readonly status: number; readonly location: string | null }
    | null;
}

/** A line that cannot be read, and why. */
export interface WrongLine {
  readonly line: number;
  readonly problem: string;
}

export function readRequestLines(text: string): (RequestLine | WrongLine)[] {
  return text.split(/\r?\n/).flatMap((line, index) => (/^\s*(?:#|$)/.test(line) ? [] : [readLine(line, index + 1)]));
}

function readLine(given: string, line: number): RequestLine | WrongLine {
  const words = wordsOf(given);
  if (words === null) return { line, problem: "a quotation mark has no end" };
  const arrow = words.findIndex(({ text, isQuoted }) => text === "=>" && !isQuoted);
  const left = arrow < 0 ? words : words.slice(0, arrow);
  const request = requestOf(left.map(({ text }) => text));
  if (typeof request === "string") return { line, problem: request };
  const text = given.slice(0, words[arrow]?.start).trim();
  if (arrow < 0) return { line, request, text, expected: null };
  const expected = expectationOf(words.slice(arrow + 1).map(({ text: word }) => word));
  return typeof expected === "string" ? { line, problem: expected } : { line, request, text, expected };
}

function requestOf([method, url, ...options]: readonly string[]): ExplainedRequest | string {
  if (method === undefined || url === undefined || url.startsWith("-")) return "expected a method and a URL, such as GET https://a.test/x";
  const fields: string[] = [];
  let client: string | undefined;
  for (let at = 0; at < options.length; at += 2) {
    const [name, value] = options.slice(at, at + 2);
    if (name !== "-H" && name !== "--client")
      return "expected -H 'name: value', --client ADDRESS or => after the URL; a value with spaces stands in quotation marks";
    if (value === undefined) return `${name} needs a value`;
    if (name === "-H") fields.push(value);
    else if (client === undefined) client = value;
    else return "--client is given twice";
  }
  return { method, url, fields, client };
}

const FORMS = "`upstream NAME [PATH]`, `STATUS [LOCATION]` or `route NAME`";

function expectationOf(words: readonly string[]): Expectation | string {
  const text = words.join(" ");
  const isRoute = words[0] === "route";
  const route = isRoute ? (words[1] ?? "") : null;
  if (route === "") return "a name is missing after `route`";
  const [first, second = null, ...more] = isRoute ? words.slice(2) : words;
  if (first === undefined) return isRoute ? { text, route, end: null } : `nothing follows =>: expected ${FORMS}`;
  if (first === "upstream") {
    if (second === null) return "a name is missing after `upstream`";
    const [target = null, ...excess] = more;
    return excess.length > 0 ? `expected no more than ${FORMS}` : { text, route, end: { kind: "upstream", upstream: second, target } };
  }
  if (!/^[1-5][0-9]{2}$/.test(first)) return `expected ${FORMS} after =>`;
  if (more.length > 0) return `expected no more than ${FORMS}`;
  return { text, route, end: { kind: "answer", status: Number(first), location: second } };
}

interface Word {
  readonly text: string;
  /** Where it begins in the line. */
  readonly start: number;
  readonly isQuoted: boolean;
}

/** The words of a line. A part in single or double quotation marks may hold spaces. Null: such a part has no end. */
function wordsOf(line: string): Word[] | null {
  const words: Word[] = [];
  for (const match of line.matchAll(/(?:[^\s'"]+|'[^']*'|"[^"]*"|(?<open>['"]))+/g)) {
    if (match.groups?.["open"] !== undefined) return null;
    const text = match[0].replace(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? "");
    words.push({ text, start: match.index, isQuoted: text !== match[0] });
  }
  return words;
}
