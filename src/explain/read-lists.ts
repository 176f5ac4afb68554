import { readFileSync } from "node:fs";
import { rangeTable } from "../base/cidr-ranges.ts";
import { addressListsOf } from "../config/feature-files.ts";
import type { Config } from "../config/schema.ts";
import { parseAddressList } from "../policy/address-list/parse-list.ts";
import { AddressLists } from "../shared/address-lists.ts";

/** The address lists of a checked configuration, as their files are now. Throws node:fs errors. */
export function readLists({ routes }: Config): AddressLists {
  const lists = new AddressLists();
  lists.take(
    [...addressListsOf(routes)].map((path) => {
      const { blocks } = parseAddressList(readFileSync(path, "utf8"));
      return { path, version: 1, memory: rangeTable(blocks, (bytes) => new SharedArrayBuffer(bytes)) };
    }),
  );
  return lists;
}
