/**
 * What files that features name say about addresses, as one thread knows it: lists of them, their countries, their autonomous systems. The main thread reads the files
 * (control/named-files/address-files.ts) and sends every thread the same memory, so a file is read once for the whole process, and a changed one counts for all
 * threads at almost the same time.
 */
import { addressFileId } from "../base/address-file.ts";
import type { AddressFile } from "../base/address-file.ts";
import { AddressValues } from "../base/address-values.ts";
import { CidrSet } from "../base/cidr.ts";

/** What a file says, as it is sent. */
export interface SentList extends AddressFile {
  /** Rises when the file changes. */
  readonly version: number;
  /**
   * Of a list range tables (base/cidr-ranges.ts) from the smallest factor to the largest; without factors it has one at most. Of a database one table of
   * values (base/address-values.ts).
   */
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

/** The countries or the autonomous systems of a database, in the same way. */
export class AddressDatabase {
  version: number;
  private values: AddressValues;

  constructor({ version, tables }: SentList) {
    this.version = version;
    this.values = valuesOf(tables);
  }

  /** The number of the system, or of the country (policy/geoip/country-codes.ts); 0: the database does not know the address. */
  of(address: string): number {
    return this.values.of(address);
  }

  /** @internal Takes another version. */
  take({ version, tables }: SentList): void {
    if (version === this.version) return;
    this.version = version;
    this.values = valuesOf(tables);
  }
}

function valuesOf([table]: SentList["tables"]): AddressValues {
  return new AddressValues(table?.memory ?? new ArrayBuffer(0));
}

export class AddressLists {
  /** Counts changes. Whoever remembers a decision compares it. */
  changes: number = 0;
  private readonly known: Map<string, AddressList | AddressDatabase> = new Map();

  /** Takes what all files say that are in use. Those that are no longer sent are forgotten; who has them may use them on. */
  take(all: readonly SentList[]): void {
    this.changes++;
    for (const sent of all) {
      const known = this.known.get(addressFileId(sent));
      if (known !== undefined) known.take(sent);
      else this.known.set(addressFileId(sent), isList(sent) ? new AddressList(sent) : new AddressDatabase(sent));
    }
    const sentKeys = new Set(all.map(addressFileId));
    for (const key of this.known.keys()) if (!sentKeys.has(key)) this.known.delete(key);
  }

  /** The list of that file. Throws if it was not sent: a guard without its list would admit whom it should not. */
  list(path: string, isRated: boolean = false): AddressList {
    const list = this.known.get(addressFileId({ kind: isRated ? "rated" : "list", path }));
    if (!(list instanceof AddressList)) throw new Error(`the address list ${JSON.stringify(path)} has not been read`);
    return list;
  }

  /** The countries or systems of that file. Throws as `list` does. */
  database(kind: "country" | "asn", path: string): AddressDatabase {
    const database = this.known.get(addressFileId({ kind, path }));
    if (!(database instanceof AddressDatabase)) throw new Error(`the database ${JSON.stringify(path)} has not been read`);
    return database;
  }
}

function isList({ kind }: AddressFile): boolean {
  return kind === "list" || kind === "rated";
}
