/** A histogram of latencies in classes one per cent wide, so that millions of them need neither memory nor a pause for sorting. */
const RATIO = Math.log(1.01);
/** All latencies below this are in one class. */
const LEAST_MS = 0.001;
/** Enough classes for latencies from a microsecond to about two minutes. */
const CLASSES = 1900;

export class Latencies {
  count: number = 0;
  longest: number = 0;
  private readonly classes = new Uint32Array(CLASSES);

  add(milliseconds: number): void {
    const index = Math.ceil(Math.log(Math.max(milliseconds, LEAST_MS) / LEAST_MS) / RATIO);
    this.classes[Math.min(index, CLASSES - 1)] = (this.classes[Math.min(index, CLASSES - 1)] ?? 0) + 1;
    this.count++;
    if (milliseconds > this.longest) this.longest = milliseconds;
  }

  /** The latency, in milliseconds, that this share (0 to 1) of all did not exceed; at most 1 % too large. 0 if there are none. */
  quantile(share: number): number {
    let left = Math.ceil(this.count * share);
    if (left === 0) return 0;
    for (const [index, count] of this.classes.entries()) {
      left -= count;
      if (left <= 0) return Math.min(LEAST_MS * Math.exp(index * RATIO), this.longest);
    }
    return this.longest;
  }
}
