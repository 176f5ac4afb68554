/**
 * The descriptions of APIs that features name, as one thread knows them. The main thread makes them of OpenAPI documents
 * (control/named-files/api-description-files.ts) and sends every thread the same memory: pieces of JSON, of which a thread parses what its requests need.
 */

/** A description as it is sent. */
export interface SentDescription {
  /** The absolute path of the document. */
  readonly path: string;
  /** Rises when the document changes. */
  readonly version: number;
  /** The number of pieces, where each ends, and their texts in UTF-8 one after the other. */
  readonly memory: SharedArrayBuffer;
}

/** Bytes of a number. */
const WORD = 4;

/** Puts pieces of JSON into shared memory. */
export function sharedPieces(pieces: readonly string[]): SharedArrayBuffer {
  const encoder = new TextEncoder();
  const texts = pieces.map((piece) => encoder.encode(piece));
  const start = WORD * (1 + texts.length);
  const memory = new SharedArrayBuffer(start + texts.reduce((sum, { length }) => sum + length, 0));
  const numbers = new Uint32Array(memory, 0, 1 + texts.length);
  const bytes = new Uint8Array(memory);
  numbers[0] = texts.length;
  let at = start;
  for (const [index, text] of texts.entries()) {
    bytes.set(text, at);
    at += text.length;
    numbers[index + 1] = at;
  }
  return memory;
}

/** A description as features use it: the same object for as long as its document is named, with the pieces of now. */
export class ApiDescription {
  version: number;
  private memory: SharedArrayBuffer;
  /** Pieces that were asked for. */
  private readonly parsed: Map<number, unknown> = new Map();
  /** What features have made of this version. */
  private readonly made: Map<string, unknown> = new Map();

  constructor({ version, memory }: SentDescription) {
    this.version = version;
    this.memory = memory;
  }

  /** The piece with that number; undefined: there is none. */
  piece(index: number): unknown {
    if (this.parsed.has(index)) return this.parsed.get(index);
    const count = new Uint32Array(this.memory, 0, 1)[0] ?? 0;
    if (index < 0 || index >= count) return undefined;
    const ends = new Uint32Array(this.memory, 0, 1 + count);
    const start = index === 0 ? WORD * (1 + count) : (ends[index] ?? 0);
    // A copy: what lies in shared memory cannot be decoded everywhere.
    const bytes = new Uint8Array(this.memory).slice(start, ends[index + 1]);
    const piece: unknown = JSON.parse(new TextDecoder().decode(bytes));
    this.parsed.set(index, piece);
    return piece;
  }

  /** What `make` returns under that key, made once for each version. */
  once<T>(key: string, make: () => T): T {
    if (!this.made.has(key)) this.made.set(key, make());
    // Only one feature uses a key, always for the same type.
    return this.made.get(key) as T;
  }

  /** @internal Takes another version. */
  take({ version, memory }: SentDescription): void {
    if (version === this.version) return;
    this.version = version;
    this.memory = memory;
    this.parsed.clear();
    this.made.clear();
  }
}

export class ApiDescriptions {
  private readonly known: Map<string, ApiDescription> = new Map();

  /** Takes all descriptions that are in use. Those that are no longer sent are forgotten; who has them may use them on. */
  take(all: readonly SentDescription[]): void {
    for (const sent of all) {
      const known = this.known.get(sent.path);
      if (known === undefined) this.known.set(sent.path, new ApiDescription(sent));
      else known.take(sent);
    }
    const sentPaths = new Set(all.map(({ path }) => path));
    for (const path of this.known.keys()) if (!sentPaths.has(path)) this.known.delete(path);
  }

  /** The description of that document. Throws if it was not sent: without it nothing can be checked. */
  description(path: string): ApiDescription {
    const description = this.known.get(path);
    if (description === undefined) throw new Error(`the API description ${JSON.stringify(path)} has not been read`);
    return description;
  }
}
