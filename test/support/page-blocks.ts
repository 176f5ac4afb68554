/** The fenced blocks of the pages for readers, README.md and docs/, and the marks on their fences. docs/README.md says what the marks mean. */
import { readText, textFiles } from "./source-files.ts";

export interface Block {
  readonly page: string;
  /** The line of the fence, from 1. */
  readonly line: number;
  readonly language: string;
  /** The words after the language. */
  readonly marks: readonly string[];
  readonly text: string;
}

/** Pages whose blocks are made from the sources, which another test compares. */
const GENERATED: readonly string[] = ["docs/api.md"];

/** The pages whose blocks are tried. */
export function pagesForReaders(): string[] {
  return ["README.md", ...textFiles("docs").filter((file) => file.endsWith(".md") && !GENERATED.includes(file))];
}

/** All blocks of the page; a block within a longer fence is a part of that one's text. */
export function blocksOf(page: string): Block[] {
  return blocksIn(page, readText(page));
}

export function blocksIn(page: string, markdown: string): Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const [, fence, info = ""] = /^(`{3,})(.*)$/.exec(lines[at] ?? "") ?? [];
    if (fence === undefined) continue;
    const end = lines.indexOf(fence, at + 1);
    if (end === -1) throw new Error(`${page}:${at + 1}: the block has no end`);
    const [language = "", ...marks] = info.trim().split(/\s+/);
    blocks.push({ page, line: at + 1, language, marks, text: `${lines.slice(at + 1, end).join("\n")}\n` });
    at = end;
  }
  return blocks;
}

/** What a block needs that a test cannot give it: `docker` of the mark `needs=docker`; null when nothing. */
export function needOf({ marks }: Block): string | null {
  return marks.find((mark) => mark.startsWith("needs="))?.slice("needs=".length) ?? null;
}

/** The name of the file that a block shows, from the comment in its first line. */
export function fileOf({ text }: Block): string | null {
  return /^(?:#|\/\/) ([\w./-]+\.(?:ya?ml|ts|conf|json|html|txt))\n/.exec(text)?.[1] ?? null;
}

export function placeOf({ page, line }: Block): string {
  return `${page}:${line}`;
}

/** The commands of a shell block: lines without comments, joined where they end in a backslash. */
export function commandsOf({ text }: Block): string[] {
  return text
    .replace(/\\\n\s*/g, "")
    .split("\n")
    .map((line) => line.replace(/(^|\s)#\s.*$/, "").trim())
    .filter((line) => line !== "");
}

/** The words of a command as the shell would split them; quotes are taken off, and nothing is expanded. */
export function wordsOf(command: string): string[] {
  return [...command.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) => word.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"));
}
