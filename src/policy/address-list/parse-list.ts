/**
 * Reads a list of addresses and blocks: one a line, with comments after `#` or `;`, as published lists have them. Addresses of both families may be
 * mixed.
 */
import { parseCidr } from "../../base/cidr.ts";
import type { Block } from "../../base/cidr.ts";

/** More are refused: a list of that size is no list of addresses, and each block takes up to 32 bytes. */
export const LIST_BLOCKS_MAX = 1_000_000;

export interface ParsedList {
  readonly blocks: readonly Block[];
  /** What is wrong, in the order of the lines. Texts of the file are not shown: it may be another one than was meant, and hold secrets. */
  readonly problems: readonly ListProblem[];
}

export interface ListProblem {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export function parseAddressList(text: string): ParsedList {
  const blocks: Block[] = [];
  const problems: ListProblem[] = [];
  let line = 0;
  // A byte order mark is what editors of Windows begin a file with.
  for (let at = text.startsWith("\u{feff}") ? 1 : 0; at < text.length;) {
    const lineEnd = text.indexOf("\n", at);
    const end = lineEnd < 0 ? text.length : lineEnd;
    const entry = entryOf(text.slice(at, end));
    at = end + 1;
    line++;
    if (entry === "") continue;
    const block = parseCidr(entry);
    if (block === null) problems.push({ line, message: whyNoBlock(entry) });
    else if (blocks.length === LIST_BLOCKS_MAX) {
      problems.push({ line, message: `there are more than ${LIST_BLOCKS_MAX} blocks` });
      break;
    } else blocks.push(block);
  }
  return { blocks, problems };
}

function entryOf(line: string): string {
  const comment = line.search(/[#;]/);
  return (comment < 0 ? line : line.slice(0, comment)).trim();
}

function whyNoBlock(entry: string): string {
  const expected = "expected an IP address or a CIDR block such as 10.0.0.0/8 or 2001:db8::/32";
  if (/[\s,]/.test(entry)) return `${expected}, one a line`;
  return /^[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)+$/.test(entry) ? `${expected}; names of hosts are not looked up` : expected;
}
