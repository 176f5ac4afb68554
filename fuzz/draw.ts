/** Draws that follow from the seed and the number of a case alone, so that every case can be run again by itself (sfc32). */
export class Draw {
  private a: number;
  private b: number;
  private c: number;
  private counter: number = 1;

  /** Both are whole numbers from 0; their lower 32 bits count. */
  constructor(seed: number, caseNumber: number) {
    this.a = seed >>> 0;
    this.b = caseNumber >>> 0;
    this.c = 0x9e3779b9;
    for (let round = 0; round < 12; round++) this.next();
  }

  /** A whole number in [0, 2^32). */
  next(): number {
    const sum = (this.a + this.b + this.counter) >>> 0;
    this.counter = (this.counter + 1) >>> 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) >>> 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) >>> 0;
    return sum;
  }

  /** A whole number in [0, end); 0 where `end` is 0. */
  below(end: number): number {
    return end <= 1 ? 0 : this.next() % end;
  }

  /** A whole number in [low, high]. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True once in `times` times. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<Item>(list: readonly Item[]): Item {
    const item = list[this.below(list.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  /** `low` to `high` items, joined. */
  repeat(low: number, high: number, make: () => string): string {
    let text = "";
    for (let count = this.between(low, high); count > 0; count--) text += make();
    return text;
  }
}
