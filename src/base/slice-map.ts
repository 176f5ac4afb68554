/** A value that knows its key. */
export interface Keyed {
  readonly key: string;
}

/** A power of two, and the most that is added for each place. */
const PLACES_FIRST = 4;
const PLACES_PER_VALUE = 4;

/**
 * Values by text, found by a part of a longer text that nobody has to cut out. A `Map` needs the part as a string of its own, and V8
 * interns every string that a Map is asked for: half a microsecond where the keys are some thousand, and no two requests ask for the
 * same. The keys are those of whoever fills it (a configuration); a lookup adds nothing, and walks no further than the fullest place.
 * Of thousands of values none is in the processor's caches: a lookup sees a place, the value in it and its key, and hardly ever another.
 */
export class SliceMap<Value extends Keyed> {
  private places: (Value | null)[] = emptyPlaces(PLACES_FIRST);
  private count: number = 0;

  get size(): number {
    return this.count;
  }

  /** The value for `text.slice(start, end)`. */
  get(text: string, start: number = 0, end: number = text.length): Value | undefined {
    const { places } = this;
    const mask = places.length - 1;
    for (let place = hashOf(text, start, end) & mask; ; place = (place + 1) & mask) {
      const value = places[place] ?? null;
      if (value === null) return undefined;
      if (isSlice(value.key, text, start, end)) return value;
    }
  }

  /** Its key must not be there yet. */
  add(value: Value): void {
    if (++this.count * PLACES_PER_VALUE > this.places.length) {
      const before = this.places;
      this.places = emptyPlaces(2 * before.length);
      for (const other of before) if (other !== null) this.place(other);
    }
    this.place(value);
  }

  private place(value: Value): void {
    const { places } = this;
    const mask = places.length - 1;
    let place = hashOf(value.key, 0, value.key.length) & mask;
    while (places[place] !== null) place = (place + 1) & mask;
    places[place] = value;
  }
}

function emptyPlaces<Value>(count: number): (Value | null)[] {
  return Array.from({ length: count }, () => null);
}

/** FNV-1a over UTF-16 units, and a last step that spreads the high bits over the low ones. */
function hashOf(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash ^ (hash >>> 15);
}

function isSlice(key: string, text: string, start: number, end: number): boolean {
  return key.length === end - start && text.startsWith(key, start);
}
