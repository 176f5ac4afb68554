import { rangeTable } from "../base/cidr-ranges.ts";
import { addressListsOf } from "../config/feature-files.ts";
import type { Config } from "../config/schema/schema.ts";
import { parseAddressList } from "../policy/address-list/parse-list.ts";
import { AddressLists } from "../shared/address-lists.ts";

/** The address lists of a checked configuration, as their files are now. Throws what `readFile` throws. */
export function readLists({ routes }: Config, readFile: (path: string) => string): AddressLists {
  const lists = new AddressLists();
  lists.take(
    addressListsOf(routes).map((place) => {
      const { rated } = parseAddressList(readFile(place.path), place.isRated);
      return {
        ...place,
        version: 1,
        tables: rated.map(({ factor, blocks }) => ({ factor, memory: rangeTable(blocks, (bytes) => new SharedArrayBuffer(bytes)) })),
      };
    }),
  );
  return lists;
}
