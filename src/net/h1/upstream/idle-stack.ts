/** What an element of an `IdleStack` must hold: its two neighbours, or null. */
export interface Stacked<T> {
  above: T | null;
  below: T | null;
}

/**
 * A stack of idle connections: last in, first out, and any element can be removed. The elements link to each other, because an array would be
 * one more object for each endpoint, and with many endpoints the processor's caches do not hold it.
 */
export class IdleStack<T extends Stacked<T>> {
  size: number = 0;
  private top: T | null = null;

  /** Puts `one` on top. It must not be in any stack. */
  push(one: T): void {
    const { top } = this;
    one.below = top;
    if (top !== null) top.above = one;
    this.top = one;
    this.size++;
  }

  /** Takes the top element off; null if the stack is empty. */
  pop(): T | null {
    const { top } = this;
    if (top !== null) this.remove(top);
    return top;
  }

  /** Takes `one` out, if it is in this stack. It must not be in another stack. */
  remove(one: T): void {
    const { above, below } = one;
    if (above !== null) above.below = below;
    else if (one === this.top) this.top = below;
    else return;
    if (below !== null) below.above = above;
    one.above = null;
    one.below = null;
    this.size--;
  }
}
