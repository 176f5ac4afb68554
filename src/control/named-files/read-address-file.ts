/** Reads a file about addresses, for the checks of a configuration and for its use. */
import type { AddressFile } from "../../base/address-file.ts";
import { rangeTable } from "../../base/cidr-ranges.ts";
import { shownFile } from "../../config/problems/shown.ts";
import { parseAddressList } from "../../policy/address-list/parse-list.ts";
import { readMmdb } from "../../policy/geoip/read-mmdb.ts";
import type { GeoipKind } from "../../policy/geoip/read-mmdb.ts";
import type { SentList } from "../../shared/address-lists.ts";
import { lineOf, readBytes, readText } from "./config-files.ts";

/** A larger file is no list: a million blocks have room. */
const LIST_BYTES_MAX = 64 * 1024 ** 2;
/** Databases of cities that are sold have some 150 MB; a larger file was named by mistake. */
const DATABASE_BYTES_MAX = 512 * 1024 ** 2;
/** Problems of one file that are told. */
const PROBLEMS_SHOWN = 5;

type DatabaseFile = AddressFile & { readonly kind: GeoipKind };

/** What a file says, in memory that all threads share, or what is wrong with it, one line each. `count` is that of blocks, countries or systems. */
export type ReadAddresses = { readonly tables: SentList["tables"]; readonly count: number } | { readonly problems: readonly string[] };

export function readAddressFile(file: AddressFile): ReadAddresses {
  const { path } = file;
  try {
    return isDatabase(file) ? readDatabase(file, readBytes(path, DATABASE_BYTES_MAX)) : readList(file, readText(path, LIST_BYTES_MAX));
  } catch (error) {
    return { problems: [lineOf(error)] };
  }
}

/** What is wrong with a file, one line each; empty when nothing is. */
export function addressFileProblems(file: AddressFile): readonly string[] {
  const read = readAddressFile(file);
  return "problems" in read ? read.problems : [];
}

/** What a file with that content says. @param content of a list its text, else its bytes */
export function parsedAddresses(file: AddressFile, content: string | Uint8Array): ReadAddresses {
  if (isDatabase(file)) return readDatabase(file, typeof content === "string" ? new TextEncoder().encode(content) : content);
  return readList(file, typeof content === "string" ? content : new TextDecoder().decode(content));
}

function isDatabase(file: AddressFile): file is DatabaseFile {
  return file.kind === "country" || file.kind === "asn";
}

function readList({ kind, path }: AddressFile, text: string): ReadAddresses {
  const { rated, problems } = parseAddressList(text, kind === "rated");
  if (problems.length === 0)
    return {
      tables: rated.map(({ factor, blocks }) => ({ factor, memory: rangeTable(blocks, makeMemory) })),
      count: rated.reduce((sum, { blocks }) => sum + blocks.length, 0),
    };
  const shown = problems.slice(0, PROBLEMS_SHOWN).map(({ line, message }) => `${shownFile(path)}:${line}: ${message}`);
  const more = problems.length - shown.length;
  return { problems: more === 0 ? shown : [...shown, `${shownFile(path)}: ${more} more lines are wrong`] };
}

function readDatabase({ kind, path }: DatabaseFile, bytes: Uint8Array): ReadAddresses {
  const read = readMmdb(bytes, kind, makeMemory);
  if ("problem" in read) return { problems: [`${shownFile(path)} ${read.problem}`] };
  return { tables: [{ factor: 1, memory: read.memory }], count: read.count };
}

function makeMemory(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes);
}
