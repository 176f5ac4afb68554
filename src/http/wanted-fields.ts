import type { FieldSection } from "./field-section.ts";

/** Names of fields, of which any head can be asked which it has, in one pass over its lines. */
export class WantedFields {
  private readonly names: readonly string[];
  /** A bit for each length of a name. */
  private readonly lengths: number;

  /** @param lowerNames at most 31 names in lower case, each shorter than 32 characters */
  constructor(lowerNames: readonly string[]) {
    if (lowerNames.length > 31 || lowerNames.some(({ length }) => length > 31)) throw new RangeError("there is no bit for so many names");
    this.names = lowerNames;
    this.lengths = lowerNames.reduce((lengths, { length }) => lengths | (1 << length), 0);
  }

  /** A bit for each name that the head has, at the name's position. */
  in(head: FieldSection): number {
    const { names, lengths } = this;
    let found = 0;
    for (let index = 0; index < head.count; index++) {
      // Most names are told by their length.
      if (((lengths >>> (head.nameEnd(index) - head.nameStart(index))) & 1) === 0) continue;
      for (let at = 0; at < names.length; at++) if (head.isNamed(index, names[at] ?? "")) found |= 1 << at;
    }
    return found;
  }
}
