import { FRAMING_AND_HOST, bit, knownFieldNamed, namesOf } from "./known-fields.ts";

/**
 * An immutable list of field names (lower case) to remove from a head. There is only one object for each list, so that the writer of a
 * head can tell by one comparison that the same fields are removed as from the previous head.
 *
 * `and` leads from one list to the list with one more name, as the shape of a V8 object leads to the next. Middleware that removes the
 * same names each time follows the same path and allocates nothing.
 */
export class RemovedNames {
  /** In the order in which they were removed, each once. */
  readonly names: readonly string[];
  /** Bits of the known fields of which all names are in the list. Their lines are found by id, without comparing text. */
  readonly known: number;
  /** The names that `known` does not cover. */
  readonly others: readonly string[];
  private next: Map<string, RemovedNames> | null = null;
  /** Argument and result of the last call of `and`. */
  private lastName: string = "";
  private last: RemovedNames | null = null;

  /** Not for other files: lists are made by `and`, starting from {@link NO_NAMES}. */
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

  /** This list with one more name. Throws a TypeError for Host and for framing fields: without them a message means something else. */
  and(name: string): RemovedNames {
    if (this.last !== null && name === this.lastName) return this.last;
    const list = this.next?.get(name) ?? this.grown(name);
    this.lastName = name;
    this.last = list;
    return list;
  }

  private grown(name: string): RemovedNames {
    if ((FRAMING_AND_HOST & bit(knownFieldNamed(name))) !== 0) throw new TypeError(`the field ${name} cannot be taken out`);
    if (this.names.includes(name)) return this;
    const list = new RemovedNames([...this.names, name]);
    if (lists >= LISTS_MAX) return list;
    lists++;
    this.next ??= new Map();
    this.next.set(name, list);
    return list;
  }
}

/**
 * Lists that are kept. Configurations need few. Beyond that number each new list is a new object, so middleware that removes names chosen
 * by clients cannot fill the memory; its heads are then written anew each time.
 */
const LISTS_MAX = 256;
let lists = 0;

/** Nothing is removed. */
export const NO_NAMES: RemovedNames = new RemovedNames([]);
