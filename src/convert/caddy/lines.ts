/** Splits a Caddyfile into lines of words, as Caddy itself does. */
import type { Fault } from "../model/notes.ts";

export interface Word {
  readonly text: string;
  readonly isQuoted: boolean;
}

export interface Line {
  readonly words: readonly Word[];
  /** From 1. */
  readonly number: number;
}

export type Lines = { readonly lines: readonly Line[]; readonly fault?: undefined } | { readonly fault: Fault };

export function linesOf(text: string, file: string): Lines {
  const lines: Line[] = [];
  let words: Word[] = [];
  let [at, number, first] = [text.charCodeAt(0) === 0xfeff ? 1 : 0, 1, 1];
  const endLine = (): void => {
    if (words.length > 0) lines.push({ words, number: first });
    words = [];
  };
  while (at < text.length) {
    const character = text[at] ?? "";
    if (character === "\n") {
      endLine();
      number++;
      at++;
    } else if (character === "\\" && /^\\\r?\n/.test(text.slice(at, at + 3))) {
      // The line goes on in the next one.
      at = text.indexOf("\n", at) + 1;
      number++;
    } else if (/\s/.test(character)) at++;
    else if (character === "#") at = endOf(text, at);
    else {
      if (words.length === 0) first = number;
      const read =
        character === '"' || character === "`"
          ? quoted(text, at, character)
          : text.startsWith("<<", at)
            ? heredoc(text, at)
            : bare(text, at);
      if (read === null) return { fault: { place: { file, line: number }, message: "a quoted text does not end" } };
      words.push({ text: read.text, isQuoted: character === '"' || character === "`" });
      number += text.slice(at, read.end).split("\n").length - 1;
      at = read.end;
    }
  }
  endLine();
  return { lines };
}

interface Read {
  readonly text: string;
  readonly end: number;
}

function endOf(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}

function quoted(text: string, start: number, quote: string): Read | null {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\" && quote === '"' && text[at + 1] === '"') at++;
    else if (text[at] === quote) {
      const inner = text.slice(start + 1, at);
      return { text: quote === '"' ? inner.replaceAll('\\"', '"') : inner, end: at + 1 };
    }
  }
  return null;
}

/** `<<MARK`, lines, `MARK`. Anything else that begins so is a plain word. */
function heredoc(text: string, start: number): Read | null {
  const [head, mark] = /^<<([A-Za-z0-9_-]+)\r?\n/.exec(text.slice(start, start + 200)) ?? [];
  if (head === undefined || mark === undefined) return bare(text, start);
  const rest = text.slice(start + head.length);
  const end = new RegExp(`^[ \\t]*${mark}(?=\\s|$)`, "m").exec(rest);
  if (end === null) return null;
  return { text: rest.slice(0, end.index).replace(/\r?\n$/, ""), end: start + head.length + end.index + end[0].length };
}

function bare(text: string, start: number): Read {
  let at = start;
  while (at < text.length && !/\s/.test(text[at] ?? "")) at++;
  return { text: text.slice(start, at), end: at };
}
