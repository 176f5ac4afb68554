/** Writes small databases in MaxMind's format (MaxMind DB File Format Specification, version 2.0), for tests. */
import { Buffer } from "node:buffer";
import { parseCidr } from "../../base/cidr.ts";

/** Written as UTF-8, an unsigned number of 32 bits, a boolean, a list or a map. A `Buffer` stands for its bytes as they are. */
export type MmdbValue = string | number | boolean | Buffer | readonly MmdbValue[] | { readonly [name: string]: MmdbValue };

export interface MmdbOptions {
  readonly recordBits?: 24 | 28 | 32;
  readonly ipVersion?: 4 | 6;
  readonly type?: string;
  /** Put in the place of what the metadata else say. */
  readonly metadata?: { readonly [name: string]: MmdbValue };
}

/** A record of the tree: a node, the place of a value, or null for none. */
type Record = Node | number | null;
type Node = [Record, Record];

/**
 * The bytes of a database with the values of some blocks.
 * @param entries the value of each block, in the place of what earlier ones say of its addresses; the same object is written once
 */
export function writeMmdb(entries: readonly (readonly [block: string, value: MmdbValue])[], options: MmdbOptions = {}): Buffer {
  const { recordBits = 24, ipVersion = 6, type = "Test", metadata = {} } = options;
  const places = new Map<MmdbValue, number>();
  let data = Buffer.alloc(0);
  const root: Node = [null, null];
  for (const [block, value] of entries) {
    if (!places.has(value)) {
      places.set(value, data.length);
      data = Buffer.concat([data, mmdbValue(value)]);
    }
    put(root, bitsOf(block, ipVersion), places.get(value) ?? 0);
  }
  const nodes = nodesOf(root);
  const numbers = new Map(nodes.map((node, index) => [node, index]));
  const recordOf = (record: Record): number =>
    record === null ? nodes.length : typeof record === "number" ? nodes.length + 16 + record : (numbers.get(record) ?? 0);
  const tree = nodes.map(([left, right]) => writeNode(recordOf(left), recordOf(right), recordBits));
  const told = {
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_764_000_000,
    database_type: type,
    description: { en: "written by a test" },
    ip_version: ipVersion,
    languages: ["en"],
    node_count: nodes.length,
    record_size: recordBits,
    ...metadata,
  };
  return Buffer.concat([...tree, Buffer.alloc(16), data, Buffer.from("\xab\xcd\xefMaxMind.com", "latin1"), mmdbValue(told)]);
}

function bitsOf(block: string, ipVersion: 4 | 6): readonly number[] {
  const parsed = parseCidr(block);
  if (parsed === null || (parsed.family === 6 && ipVersion === 4)) throw new Error(`no block: ${block}`);
  if (parsed.family === 6) return parsed.groups.flatMap((group) => bits(group, 16)).slice(0, parsed.prefix);
  const own = bits(parsed.start, 32).slice(0, 32 - Math.round(Math.log2(parsed.end - parsed.start + 1)));
  return ipVersion === 4 ? own : [...Array<number>(96).fill(0), ...own];
}

function bits(number: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.floor(number / 2 ** (count - 1 - index)) % 2);
}

function put(root: Node, path: readonly number[], place: number): void {
  let node = root;
  for (const [index, bit] of path.entries()) {
    const side = bit === 0 ? 0 : 1;
    const record = node[side];
    if (index === path.length - 1) {
      node[side] = place;
      return;
    }
    if (record === null || typeof record === "number") node[side] = [record, record];
    node = node[side] as Node;
  }
}

function nodesOf(root: Node): readonly Node[] {
  const nodes: Node[] = [root];
  for (const node of nodes) for (const record of node) if (record !== null && typeof record !== "number") nodes.push(record);
  return nodes;
}

function writeNode(left: number, right: number, recordBits: 24 | 28 | 32): Buffer {
  const node = Buffer.alloc(recordBits / 4);
  if (recordBits === 28) {
    node.writeUIntBE(left % 2 ** 24, 0, 3);
    node[3] = (left >>> 24) * 16 + (right >>> 24);
    node.writeUIntBE(right % 2 ** 24, 4, 3);
    return node;
  }
  node.writeUIntBE(left, 0, recordBits / 8);
  node.writeUIntBE(right, recordBits / 8, recordBits / 8);
  return node;
}

/** One value of the data section. */
export function mmdbValue(value: MmdbValue): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === "boolean") return mmdbHead(14, value ? 1 : 0);
  if (typeof value === "string") return Buffer.concat([mmdbHead(2, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === "number") {
    const octets = value === 0 ? 0 : Math.ceil(Math.log2(value + 1) / 8);
    const number = Buffer.alloc(octets);
    if (octets > 0) number.writeUIntBE(value, 0, octets);
    return Buffer.concat([mmdbHead(6, octets), number]);
  }
  if (Array.isArray(value)) return Buffer.concat([mmdbHead(11, value.length), ...value.map(mmdbValue)]);
  const members = Object.entries(value as { readonly [name: string]: MmdbValue });
  return Buffer.concat([mmdbHead(7, members.length), ...members.flatMap(([name, each]) => [mmdbValue(name), mmdbValue(each)])]);
}

/** Type and size as a value begins with them. */
export function mmdbHead(type: number, size: number): Buffer {
  const first = (type > 7 ? 0 : type) * 32;
  const extended = type > 7 ? [type - 7] : [];
  if (size < 29) return Buffer.from([first + size, ...extended]);
  if (size < 285) return Buffer.from([first + 29, ...extended, size - 29]);
  if (size < 65_821) return Buffer.from([first + 30, ...extended, (size - 285) >>> 8, (size - 285) & 255]);
  const rest = size - 65_821;
  return Buffer.from([first + 31, ...extended, rest >>> 16, (rest >>> 8) & 255, rest & 255]);
}

/** A pointer to a place of the data section below 2048. */
export function mmdbPointer(place: number): Buffer {
  return Buffer.from([32 + (place >>> 8), place & 255]);
}
