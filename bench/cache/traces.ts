/** Traces of requests for a cache, drawn from a seed: the same in every run. */

/** Numbers from 0 to 1, 1 excluded. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** One request: what it asks for, as a number, and how large that is. */
export interface Asked {
  readonly object: number;
  readonly bytes: number;
}

export interface TraceSettings {
  readonly objects: number;
  readonly requests: number;
  /** The exponent of Zipf's law. */
  readonly skew: number;
  /** Share of the requests that ask for what nobody asks for again. */
  readonly scans?: number;
  /** After so many requests the most popular tenth of the objects is another one. */
  readonly driftEvery?: number;
  /** Bytes of the body of an object. */
  readonly sizeOf: (object: number) => number;
}

export function* trace(
  { objects, requests, skew, scans = 0, driftEvery = Infinity, sizeOf }: TraceSettings,
  seed: number,
): Generator<Asked> {
  const random = seeded(seed);
  const sums = new Float64Array(objects);
  let sum = 0;
  for (let rank = 0; rank < objects; rank++) sums[rank] = sum += 1 / (rank + 1) ** skew;
  const names = Int32Array.from({ length: objects }, (_, index) => index);
  for (let index = objects - 1; index > 0; index--) swap(names, index, Math.floor(random() * (index + 1)));
  let once = objects;
  for (let request = 1; request <= requests; request++) {
    if (request % driftEvery === 0) for (let rank = 0; rank < objects / 10; rank++) swap(names, rank, Math.floor(random() * objects));
    const object = random() < scans ? once++ : (names[rankAt(sums, random() * sum)] ?? 0);
    yield { object, bytes: sizeOf(object) };
  }
}

/** Sizes as those of the web: most are some KB, few are some hundred. Always the same for an object. @param mean about that many bytes */
export function mixedSizes(mean: number): (object: number) => number {
  return (object) => {
    const random = seeded(object);
    // Log-normal, with the deviation 1.2.
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.round(Math.min(400_000, mean * Math.exp(1.2 * normal - 0.72)));
  };
}

function rankAt(sums: Float64Array, at: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sums[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function swap(names: Int32Array, one: number, other: number): void {
  const kept = names[one] ?? 0;
  names[one] = names[other] ?? 0;
  names[other] = kept;
}
