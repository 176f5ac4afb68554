/** Things by a text, each for as long as somebody else holds it. Two parts of the program that need the same thing share it, and nobody must say that it is no longer needed. */
export class WeakValues<Value extends object> {
  readonly #held: Map<string, WeakRef<Value>> = new Map();

  /** The value for that text; a new one if nobody holds one. */
  get(key: string, make: () => Value): Value {
    const known = this.#held.get(key)?.deref();
    if (known !== undefined) return known;
    for (const [other, held] of this.#held) if (held.deref() === undefined) this.#held.delete(other);
    const fresh = make();
    this.#held.set(key, new WeakRef(fresh));
    return fresh;
  }
}
