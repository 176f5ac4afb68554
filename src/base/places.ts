/** Counts what is under way, by whom or for whom it is, so that one of them leaves room for the others. */
export class Places {
  private readonly placesMax: number;
  private readonly taken: Map<string, number> = new Map();

  /** @param placesMax for each key */
  constructor(placesMax: number) {
    this.placesMax = placesMax;
  }

  /** Takes a place, which `leave` gives back. False: there is none, and nothing is to be given back. */
  take(key: string): boolean {
    const before = this.taken.get(key) ?? 0;
    if (before >= this.placesMax) return false;
    this.taken.set(key, before + 1);
    return true;
  }

  leave(key: string): void {
    const left = (this.taken.get(key) ?? 0) - 1;
    if (left > 0) this.taken.set(key, left);
    else this.taken.delete(key);
  }
}
