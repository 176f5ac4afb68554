/** Reads the file of an address list, for the checks of a configuration and for its use. */
import { rangeTable } from "../../base/cidr-ranges.ts";
import { shownFile } from "../../config/problems/shown.ts";
import { parseAddressList } from "../../policy/address-list/parse-list.ts";
import type { RatedBlocks } from "../../policy/address-list/parse-list.ts";
import type { ListPlace } from "../../base/list-place.ts";
import type { SentList } from "../../shared/address-lists.ts";
import { lineOf, readText } from "./config-files.ts";

/** A larger file is no list: a million blocks have room. */
const LIST_BYTES_MAX = 64 * 1024 ** 2;
/** Problems of one file that are told. */
const PROBLEMS_SHOWN = 5;

/** The blocks of a list, or what is wrong with its file, one line each. */
export type ReadList = { readonly rated: readonly RatedBlocks[] } | { readonly problems: readonly string[] };

export function readAddressList(place: ListPlace): ReadList {
  try {
    return parsedList(place, readText(place.path, LIST_BYTES_MAX));
  } catch (error) {
    return { problems: [lineOf(error)] };
  }
}

/** What is wrong with the file of a list, in one line for each of its lines; empty when nothing is. */
export function listProblems(place: ListPlace): readonly string[] {
  const read = readAddressList(place);
  return "problems" in read ? read.problems : [];
}

/** The blocks of a list with that text. */
export function parsedList({ path: file, isRated }: ListPlace, text: string): ReadList {
  const { rated, problems } = parseAddressList(text, isRated);
  if (problems.length === 0) return { rated };
  const shown = problems.slice(0, PROBLEMS_SHOWN).map(({ line, message }) => `${shownFile(file)}:${line}: ${message}`);
  const more = problems.length - shown.length;
  return { problems: more === 0 ? shown : [...shown, `${shownFile(file)}: ${more} more lines are wrong`] };
}

/** The blocks as memory that all threads share. */
export function sharedTables(rated: readonly RatedBlocks[]): SentList["tables"] {
  return rated.map(({ factor, blocks }) => ({ factor, memory: rangeTable(blocks, (bytes) => new SharedArrayBuffer(bytes)) }));
}
