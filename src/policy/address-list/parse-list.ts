/**
 * Reads a list of addresses and blocks: one a line, with comments after `#` or `;`, as published lists have them. Addresses of both families may be
 * mixed. In a rated list each block has a factor behind it.
 */
import { parseCidr } from "../../base/cidr.ts";
import type { Block } from "../../base/cidr.ts";
import { FACTOR_EXPECTED, parseFactor } from "./factor.ts";

/** More are refused: a list of that size is no list of addresses, and each block takes up to 32 bytes. */
export const LIST_BLOCKS_MAX = 1_000_000;

/** Each factor of a rated list costs a look-up for each request. */
export const LIST_FACTORS_MAX = 32;

/** The blocks of a list that have one factor; 1 in a list without factors. */
export interface RatedBlocks {
  readonly factor: number;
  readonly blocks: readonly Block[];
}

export interface ParsedList {
  /** From the smallest factor to the largest. */
  readonly rated: readonly RatedBlocks[];
  /** What is wrong, in the order of the lines. Texts of the file are not shown: it may be another one than was meant, and hold secrets. */
  readonly problems: readonly ListProblem[];
}

export interface ListProblem {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** @param isRated whether each block has a factor */
export function parseAddressList(text: string, isRated: boolean = false): ParsedList {
  const byFactor = new Map<number, Block[]>();
  const problems: ListProblem[] = [];
  let line = 0;
  let count = 0;
  // A byte order mark is what editors of Windows begin a file with.
  for (let at = text.startsWith("\u{feff}") ? 1 : 0; at < text.length;) {
    const lineEnd = text.indexOf("\n", at);
    const end = lineEnd < 0 ? text.length : lineEnd;
    const entry = entryOf(text.slice(at, end));
    at = end + 1;
    line++;
    if (entry === "") continue;
    const [first = "", second = "", ...more] = isRated ? entry.split(/\s+/) : [entry];
    const block = parseCidr(first);
    const factor = isRated ? parseFactor(second) : 1;
    if (block === null) problems.push({ line, message: whyNoBlock(first) });
    else if (factor === null || more.length > 0) problems.push({ line, message: `${FACTOR_EXPECTED} behind the block, and nothing else` });
    else if (count === LIST_BLOCKS_MAX || (byFactor.size === LIST_FACTORS_MAX && !byFactor.has(factor))) {
      const most = count === LIST_BLOCKS_MAX ? `${LIST_BLOCKS_MAX} blocks` : `${LIST_FACTORS_MAX} different factors`;
      problems.push({ line, message: `there are more than ${most}` });
      break;
    } else {
      count++;
      const blocks = byFactor.get(factor);
      if (blocks === undefined) byFactor.set(factor, [block]);
      else blocks.push(block);
    }
  }
  const rated = [...byFactor].map(([factor, blocks]) => ({ factor, blocks })).sort((one, other) => one.factor - other.factor);
  return { rated, problems };
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
