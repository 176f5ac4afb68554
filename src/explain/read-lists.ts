import type { AddressFile } from "../base/address-file.ts";
import { rangeTable } from "../base/cidr-ranges.ts";
import { addressFilesOf } from "../config/feature-files.ts";
import type { Config } from "../config/schema/schema.ts";
import { parseAddressList } from "../policy/address-list/parse-list.ts";
import { readMmdb } from "../policy/geoip/read-mmdb.ts";
import { AddressLists } from "../shared/address-lists.ts";
import type { SentList } from "../shared/address-lists.ts";
import type { Disk } from "./explainer.ts";

type ReadFiles = Pick<Disk, "readFile" | "readBytes">;

/** What the files about addresses of a checked configuration say, as they are now. Throws what the functions throw that read them. */
export function readLists({ routes }: Config, files: ReadFiles): AddressLists {
  const lists = new AddressLists();
  lists.take(addressFilesOf(routes).map((file) => ({ ...file, version: 1, tables: tablesOf(file, files) })));
  return lists;
}

function tablesOf({ kind, path }: AddressFile, { readFile, readBytes }: ReadFiles): SentList["tables"] {
  if (kind === "list" || kind === "rated") {
    const { rated } = parseAddressList(readFile(path), kind === "rated");
    return rated.map(({ factor, blocks }) => ({ factor, memory: rangeTable(blocks, makeMemory) }));
  }
  const read = readMmdb(readBytes(path), kind, makeMemory);
  if ("problem" in read) throw new Error(`${path} ${read.problem}`);
  return [{ factor: 1, memory: read.memory }];
}

function makeMemory(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes);
}
