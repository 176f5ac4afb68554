/** Draws that follow from one number alone, so that client and origin, in two processes, agree without a message. */

export class Random {
  private state: number;

  /** @param seed a whole number below 2^53 */
  constructor(seed: number) {
    this.state = mixed(mixed(seed >>> 0) ^ Math.floor(seed / 2 ** 32));
  }

  /** In [0, 1). */
  next(): number {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    return mixed(this.state) / 2 ** 32;
  }

  /** A whole number in [0, end). */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** A whole number in [low, high]. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[this.below(from.length)] ?? from[0];
  }
}

/** The finisher of MurmurHash3: each bit of the result depends on all bits of the argument. */
function mixed(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
