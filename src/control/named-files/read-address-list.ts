/** Reads the file of an address list, for the checks of a configuration and for its use. */
import { rangeTable } from "../../base/cidr-ranges.ts";
import type { Block } from "../../base/cidr.ts";
import { shownFile } from "../../config/problems/shown.ts";
import { parseAddressList } from "../../policy/address-list/parse-list.ts";
import { lineOf, readText } from "./config-files.ts";

/** A larger file is no list: a million blocks have room. */
const LIST_BYTES_MAX = 64 * 1024 ** 2;
/** Problems of one file that are told. */
const PROBLEMS_SHOWN = 5;

/** The blocks of a list, or what is wrong with its file, one line each. */
export type ReadList = { readonly blocks: readonly Block[] } | { readonly problems: readonly string[] };

export function readAddressList(file: string): ReadList {
  try {
    return parsedList(file, readText(file, LIST_BYTES_MAX));
  } catch (error) {
    return { problems: [lineOf(error)] };
  }
}

/** What is wrong with the file of a list, in one line for each of its lines; empty when nothing is. */
export function listProblems(file: string): readonly string[] {
  const read = readAddressList(file);
  return "problems" in read ? read.problems : [];
}

/** The blocks of a list with that text. */
export function parsedList(file: string, text: string): ReadList {
  const { blocks, problems } = parseAddressList(text);
  if (problems.length === 0) return { blocks };
  const shown = problems.slice(0, PROBLEMS_SHOWN).map(({ line, message }) => `${shownFile(file)}:${line}: ${message}`);
  const more = problems.length - shown.length;
  return { problems: more === 0 ? shown : [...shown, `${shownFile(file)}: ${more} more lines are wrong`] };
}

/** The blocks as memory that all threads share. */
export function sharedTable(blocks: readonly Block[]): SharedArrayBuffer {
  return rangeTable(blocks, (bytes) => new SharedArrayBuffer(bytes));
}
