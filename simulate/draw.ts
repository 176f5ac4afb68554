/** Random choices that follow from one number: the same seed always draws the same. */
export class Draw {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  /** A number, at least 0 and below 1 (mulberry32). */
  random(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  /** True in one of `n` cases. */
  oneIn(n: number): boolean {
    return this.random() * n < 1;
  }

  /** One of the choices, each equally likely. */
  pick<T>(...choices: readonly [T, ...T[]]): T {
    return choices[Math.floor(this.random() * choices.length)] ?? choices[0];
  }

  /** A size: mostly small, sometimes large, each power of two as likely as the next. */
  size(max: number): number {
    return this.oneIn(8) ? 0 : Math.floor(2 ** (this.random() * Math.log2(max + 1)));
  }
}

/** A seed for one part of a run. Parts with seeds of their own do not change each other's draws. */
export function seedOf(seed: number, part: number): number {
  return (Math.imul(seed, 0x9e3779b1) ^ Math.imul(part + 1, 0x85ebca6b)) | 0;
}
