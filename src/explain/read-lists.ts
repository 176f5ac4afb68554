import { rangeTable } from "../base/cidr-ranges.ts";
import { addressListsOf } from "../config/feature-files.ts";
import type { Config } from "../config/schema/schema.ts";
import { parseAddressList } from "../policy/address-list/parse-list.ts";
import { AddressLists } from "../shared/address-lists.ts";

/** The address lists of a checked configuration, as their files are now. Throws what `readFile` throws. */
export function readLists({ routes }: Config, readFile: (path: string) => string): AddressLists {
  const lists = new AddressLists();
  lists.take(
    [...addressListsOf(routes)].map((path) => {
      const { blocks } = parseAddressList(readFile(path));
      return { path, version: 1, memory: rangeTable(blocks, (bytes) => new SharedArrayBuffer(bytes)) };
    }),
  );
  return lists;
}
