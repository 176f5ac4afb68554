import { FRAMING_AND_HOST, bit, knownFieldNamed, namesOf } from "./known-fields.ts";

/**
 * The names of the fields that are taken out of a head, in lower case. There is one object for each list: two heads lose the same fields
 * if they have the same object, which is one comparison. By it a writer tells that the head before was written alike.
 *
 * A list grows by `and`, which leads from it to the next one as a V8 object's shape leads to another. Middleware that removes the same
 * names each time takes the same path each time, and allocates nothing.
 */
export class RemovedNames {
  /** In the order in which they were removed. */
  readonly names: readonly string[];
  /** Bits of the known fields of which all names are in the list. Their lines go by their number, and no text is compared. */
  readonly known: number;
  /** The names that `known` does not stand for. */
  readonly others: readonly string[];
  private next: Map<string, RemovedNames> | null = null;
  /** The name asked for last, and the list with it. */
  private lastName: string = "";
  private last: RemovedNames | null = null;

  /** Every list grows from {@link NO_NAMES}: nobody else calls this. */
  constructor(names: readonly string[]) {
    this.names = names;
    let known = 0;
    const others: string[] = [];
    for (const name of names) {
      const { bit, all } = namesOf(name);
      if (bit !== 0 && all.every((each) => names.includes(each))) known |= bit;
      else others.push(name);
    }
    this.known = known;
    this.others = others;
  }

  /** This list and one name more. Throws a TypeError for a field without which a recipient would see another message (RFC 9112 section 11.2). */
  and(name: string): RemovedNames {
    if (this.last !== null && name === this.lastName) return this.last;
    const list = this.next?.get(name) ?? this.grown(name);
    this.lastName = name;
    this.last = list;
    return list;
  }

  private grown(name: string): RemovedNames {
    if ((FRAMING_AND_HOST & bit(knownFieldNamed(name))) !== 0) throw new TypeError(`the field ${name} cannot be taken out`);
    const list = new RemovedNames([...this.names, name]);
    if (lists >= LISTS_MAX) return list;
    lists++;
    this.next ??= new Map();
    this.next.set(name, list);
    return list;
  }
}

/**
 * Lists that are kept. Configurations have few. Middleware that makes up names from what a client sent gets a new object for each list
 * beyond these: its heads are written anew each time, and memory stays.
 */
const LISTS_MAX = 256;
let lists = 0;

/** Nothing is removed. */
export const NO_NAMES: RemovedNames = new RemovedNames([]);
