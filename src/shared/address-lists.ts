/**
 * The address lists that features name, as one thread knows them. The main thread reads the files (control/named-files/address-list-files.ts) and sends every thread the same
 * memory, so a list is read once for the whole process, and a changed one counts for all threads at almost the same time.
 */
import { CidrSet } from "../base/cidr.ts";

/** A list as it is sent. */
export interface SentList {
  /** The absolute path of its file. */
  readonly path: string;
  /** Rises when the list changes. */
  readonly version: number;
  /** A range table (base/cidr-ranges.ts). */
  readonly memory: SharedArrayBuffer;
}

/** A list as features use it: the same object for as long as its file is named, with the blocks of now. */
export class AddressList {
  version: number;
  private blocks: CidrSet;

  constructor({ version, memory }: SentList) {
    this.version = version;
    this.blocks = new CidrSet(memory);
  }

  contains(address: string): boolean {
    return this.blocks.contains(address);
  }

  /** @internal Takes other blocks. */
  take({ version, memory }: SentList): void {
    if (version === this.version) return;
    this.version = version;
    this.blocks = new CidrSet(memory);
  }
}

export class AddressLists {
  /** Counts changes. Whoever remembers a decision compares it. */
  changes: number = 0;
  private readonly lists: Map<string, AddressList> = new Map();

  /** Takes all lists that are in use. Those that are no longer sent are forgotten; who has them may use them on. */
  take(all: readonly SentList[]): void {
    this.changes++;
    for (const sent of all) {
      const known = this.lists.get(sent.path);
      if (known === undefined) this.lists.set(sent.path, new AddressList(sent));
      else known.take(sent);
    }
    const sentPaths = new Set(all.map(({ path }) => path));
    for (const path of this.lists.keys()) if (!sentPaths.has(path)) this.lists.delete(path);
  }

  /** The list of that file. Throws if it was not sent: a guard without its list would admit whom it should not. */
  list(path: string): AddressList {
    const list = this.lists.get(path);
    if (list === undefined) throw new Error(`the address list ${JSON.stringify(path)} has not been read`);
    return list;
  }
}
