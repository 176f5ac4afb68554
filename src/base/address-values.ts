/**
 * A number for each IP address, such as its country, as a binary tree in one piece of memory that threads can share. A look-up takes a step for each bit of the
 * address and reads nothing else than words of the tree.
 *
 * ```text
 *   count of nodes, count of values, where IPv4 begins, whether there is IPv6 | values | nodes: two words each, for the bits 0 and 1
 * ```
 *
 * A word of a node is that of another node if it is below the count of nodes, no value if it is that count, and value number n if it is n + 1 above it.
 */
import { parseIpAddress } from "./cidr.ts";

const HEAD_WORDS = 4;
const GROUP_BITS = 16;

/** What a tree is made of; its words are those of the picture above. */
export interface AddressTree {
  readonly nodes: Uint32Array;
  readonly values: readonly number[];
  /** The word that stands for all of IPv4. */
  readonly start4: number;
  readonly hasIpv6: boolean;
}

/** @param makeMemory makes the memory of that many bytes, zeroed */
export function valueTable<Memory extends ArrayBufferLike>(tree: AddressTree, makeMemory: (bytes: number) => Memory): Memory {
  const { nodes, values, start4, hasIpv6 } = tree;
  const memory = makeMemory(4 * (HEAD_WORDS + values.length + nodes.length));
  const words = new Uint32Array(memory);
  words.set([nodes.length / 2, values.length, start4, hasIpv6 ? 1 : 0]);
  words.set(values, HEAD_WORDS);
  words.set(nodes, HEAD_WORDS + values.length);
  return memory;
}

/** The numbers of addresses. */
export class AddressValues {
  private readonly words: Uint32Array;
  private readonly nodeCount: number;
  private readonly firstNode: number;

  /** @param memory of {@link valueTable}; other threads may have it too */
  constructor(memory: ArrayBufferLike) {
    this.words = new Uint32Array(memory);
    this.nodeCount = this.words[0] ?? 0;
    this.firstNode = HEAD_WORDS + (this.words[1] ?? 0);
  }

  /** The number of an address, given as text without port and brackets; 0: it has none, or the text is no address. */
  of(address: string): number {
    const parsed = parseIpAddress(address);
    if (parsed === null) return 0;
    if (parsed.family === 4) return this.valueAt(this.walk(this.words[2] ?? 0, parsed.value, 32));
    if (this.words[3] !== 1) return 0;
    let word = 0;
    for (const group of parsed.groups) word = this.walk(word, group, GROUP_BITS);
    return this.valueAt(word);
  }

  /** Follows the lowest `bits` bits of a number, the highest of them first, until there is no further node. */
  private walk(from: number, number: number, bits: number): number {
    let word = from;
    for (let bit = bits - 1; bit >= 0 && word < this.nodeCount; bit--)
      word = this.words[this.firstNode + 2 * word + ((number >>> bit) & 1)] ?? this.nodeCount;
    return word;
  }

  /** A tree that goes deeper than the address has bits gives no value. */
  private valueAt(word: number): number {
    return word > this.nodeCount ? (this.words[HEAD_WORDS + word - this.nodeCount - 1] ?? 0) : 0;
  }
}
