/**
 * The address lists that features name, as one thread knows them. The main thread reads the files (control/named-files/address-list-files.ts) and sends every thread the same
 * memory, so a list is read once for the whole process, and a changed one counts for all threads at almost the same time.
 */
import { CidrSet } from "../base/cidr.ts";
import { listId } from "../base/list-place.ts";
import type { ListPlace } from "../base/list-place.ts";

/** A list as it is sent. */
export interface SentList extends ListPlace {
  /** Rises when the list changes. */
  readonly version: number;
  /** Range tables (base/cidr-ranges.ts) from the smallest factor to the largest; a list without factors has one at most. */
  readonly tables: readonly { readonly factor: number; readonly memory: SharedArrayBuffer }[];
}

/** From the smallest factor to the largest. */
type Sets = readonly { readonly factor: number; readonly set: CidrSet }[];

/** A list as features use it: the same object for as long as its file is named, with the blocks of now. */
export class AddressList {
  version: number;
  private blocks: Sets;

  constructor({ version, tables }: SentList) {
    this.version = version;
    this.blocks = setsOf(tables);
  }

  contains(address: string): boolean {
    return this.factorOf(address) !== null;
  }

  /** The smallest factor of the blocks that hold the address; null: none does. */
  factorOf(address: string): number | null {
    return this.blocks.find(({ set }) => set.contains(address))?.factor ?? null;
  }

  /** @internal Takes other blocks. */
  take({ version, tables }: SentList): void {
    if (version === this.version) return;
    this.version = version;
    this.blocks = setsOf(tables);
  }
}

function setsOf(tables: SentList["tables"]): Sets {
  return tables.map(({ factor, memory }) => ({ factor, set: new CidrSet(memory) }));
}

export class AddressLists {
  /** Counts changes. Whoever remembers a decision compares it. */
  changes: number = 0;
  private readonly lists: Map<string, AddressList> = new Map();

  /** Takes all lists that are in use. Those that are no longer sent are forgotten; who has them may use them on. */
  take(all: readonly SentList[]): void {
    this.changes++;
    for (const sent of all) {
      const known = this.lists.get(listId(sent));
      if (known === undefined) this.lists.set(listId(sent), new AddressList(sent));
      else known.take(sent);
    }
    const sentIds = new Set(all.map(listId));
    for (const id of this.lists.keys()) if (!sentIds.has(id)) this.lists.delete(id);
  }

  /** The list of that file. Throws if it was not sent: a guard without its list would admit whom it should not. */
  list(path: string, isRated: boolean = false): AddressList {
    const list = this.lists.get(listId({ path, isRated }));
    if (list === undefined) throw new Error(`the address list ${JSON.stringify(path)} has not been read`);
    return list;
  }
}
