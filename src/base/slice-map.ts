/** A value that knows its key: of thousands, none is in the processor's caches, and each thing less to look at counts. */
export interface Keyed {
  readonly key: string;
}

/**
 * Values by text, found by a part of a longer text that nobody has to cut out. A `Map` needs the part as a string of its own, and V8
 * interns every string that a Map is asked for: half a microsecond where the keys are some thousand, and no two requests ask for the
 * same. The keys are those of whoever fills it (a configuration); a lookup adds nothing, and walks no further than the fullest place.
 */
export class SliceMap<Value extends Keyed> {
  private readonly values: Value[] = [];
  /** Hash and position in `values` plus one, in turn; a power of two of places, at most half of them taken. */
  private places: Int32Array = new Int32Array(2 * PLACES_FIRST);

  get size(): number {
    return this.values.length;
  }

  /** The value for `text.slice(start, end)`. */
  get(text: string, start: number = 0, end: number = text.length): Value | undefined {
    const { places, values } = this;
    const hash = hashOf(text, start, end);
    const mask = places.length - 1;
    for (let place = (hash << 1) & mask; ; place = (place + 2) & mask) {
      const position = (places[place + 1] ?? 0) - 1;
      if (position < 0) return undefined;
      if (places[place] !== hash) continue;
      const value = values[position];
      if (value !== undefined && isSlice(value.key, text, start, end)) return value;
    }
  }

  /** Its key must not be there yet. */
  add(value: Value): void {
    const { values } = this;
    values.push(value);
    if (values.length * 4 > this.places.length) {
      this.places = new Int32Array(2 * this.places.length);
      for (let position = 0; position < values.length; position++) this.place(position);
    } else this.place(values.length - 1);
  }

  private place(position: number): void {
    const { places, values } = this;
    const key = values[position]?.key ?? "";
    const hash = hashOf(key, 0, key.length);
    const mask = places.length - 1;
    let place = (hash << 1) & mask;
    while (places[place + 1] !== 0) place = (place + 2) & mask;
    places[place] = hash;
    places[place + 1] = position + 1;
  }
}

const PLACES_FIRST = 4;

/** FNV-1a over UTF-16 units, and a last step that spreads the high bits over the low ones. */
function hashOf(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash ^ (hash >>> 15);
}

function isSlice(key: string, text: string, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let at = 0; at < key.length; at++) if (key.charCodeAt(at) !== text.charCodeAt(start + at)) return false;
  return true;
}
