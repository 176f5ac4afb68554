/** The number of places is a power of two: at least PLACES_MIN, and at least PLACES_PER_KEY for each key. */
const PLACES_MIN = 4;
const PLACES_PER_KEY = 4;

/**
 * An immutable map from strings to values that can be asked with a part of a longer text, such as the suffix of a host, without cutting
 * that part out. A `Map` needs the part as a string of its own, and V8 interns every string that a Map is asked for: with some thousand
 * keys that costs half a microsecond per request.
 *
 * It is a hash table with open addressing and linear probing. The keys come from the configuration, never from clients. With thousands of
 * keys nothing of the table is in the processor's caches, so a key and its value lie side by side, and there are so many places
 * that a lookup hardly ever looks at a second one.
 */
export class SliceMap<Value> {
  /** Number of keys. */
  readonly size: number;
  /** Pairs: at an even index a key, or null for an empty place; its value at the next index. */
  private readonly places: (string | Value | null)[];
  /** Length of the longest key; 0 without keys. */
  readonly longest: number;
  private readonly shortest: number;
  /**
   * How many characters at the beginning and at the end are the same in all keys, as in `host-1.example.com` and `host-2.example.com`.
   * Only the characters between them are hashed.
   */
  private readonly sameStart: number;
  private readonly sameEnd: number;

  constructor(entries: ReadonlyMap<string, Value>) {
    const keys = [...entries.keys()];
    this.size = keys.length;
    this.longest = keys.reduce((most, key) => Math.max(most, key.length), 0);
    this.shortest = keys.reduce((least, key) => Math.min(least, key.length), this.longest);
    this.sameStart = sameCharacters(keys, this.shortest, (_, index) => index);
    this.sameEnd = sameCharacters(keys, this.shortest - this.sameStart, (key, index) => key.length - 1 - index);
    let count = PLACES_MIN;
    while (count < keys.length * PLACES_PER_KEY) count *= 2;
    this.places = Array.from({ length: 2 * count }, () => null);
    for (const [key, value] of entries) this.place(key, value);
  }

  /** The value for the key `text.slice(start, end)`; undefined when there is none. */
  get(text: string, start: number = 0, end: number = text.length): Value | undefined {
    const length = end - start;
    if (length < this.shortest || length > this.longest) return undefined;
    const { places } = this;
    const mask = places.length - 2;
    for (let at = (hashOf(text, start + this.sameStart, end - this.sameEnd) << 1) & mask; ; at = (at + 2) & mask) {
      const key = places[at] as string | null;
      if (key === null) return undefined;
      if (key.length === length && text.startsWith(key, start)) return places[at + 1] as Value;
    }
  }

  private place(key: string, value: Value): void {
    const { places } = this;
    const mask = places.length - 2;
    let at = (hashOf(key, this.sameStart, key.length - this.sameEnd) << 1) & mask;
    while (places[at] !== null) at = (at + 2) & mask;
    places[at] = key;
    places[at + 1] = value;
  }
}

/** How many characters, up to `most`, are the same in all keys. `at` gives the position in a key of the character to compare next. */
function sameCharacters(keys: readonly string[], most: number, at: (key: string, index: number) => number): number {
  const first = keys[0] ?? "";
  let count = 0;
  while (count < most && count < first.length) {
    const code = first.charCodeAt(at(first, count));
    if (keys.some((key) => key.charCodeAt(at(key, count)) !== code)) break;
    count++;
  }
  return count;
}

/** FNV-1a over UTF-16 units. The last step mixes the high bits into the low ones, which alone choose the place. */
function hashOf(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash ^ (hash >>> 15);
}
