/** A power of two, and how many places there are at least for each key. */
const PLACES_MIN = 4;
const PLACES_PER_KEY = 4;

/**
 * Values by text, found by a part of a longer text that nobody has to cut out. A `Map` needs the part as a string of its own, and V8
 * interns every string that a Map is asked for: half a microsecond where the keys are some thousand, and no two requests ask for the
 * same. The keys are those of whoever makes it (a configuration); a lookup adds nothing, and walks no further than the fullest place.
 * Of thousands of keys none is in the processor's caches: a lookup sees a place and the key and the value in it, which it fetches side by
 * side, and hardly ever another.
 */
export class SliceMap<Value> {
  readonly size: number;
  /** Each place's key, or null, and behind it its value. */
  private readonly places: (string | Value | null)[];
  /** Of the keys' lengths; 0 without a key. */
  readonly longest: number;
  private readonly shortest: number;
  /** So many characters at the beginning and at the end are the same in all keys (`host-1.example.com`): what lies between tells them apart. */
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

  /** The value for `text.slice(start, end)`. */
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

/** How many characters, up to `most`, are the same in all keys, the first being where `at` says for 0. */
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

/** FNV-1a over UTF-16 units, and a last step that spreads the high bits over the low ones. */
function hashOf(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash ^ (hash >>> 15);
}
