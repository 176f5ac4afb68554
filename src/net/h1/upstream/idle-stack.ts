/** What can lie in a stack; null where nothing does. */
export interface Stacked<T> {
  above: T | null;
  below: T | null;
}

/**
 * Connections that idle, last in first out, any of which may leave. They hang in one another: with many endpoints a list for each would be
 * one more thing that is out of the processor's caches.
 */
export class IdleStack<T extends Stacked<T>> {
  size: number = 0;
  private top: T | null = null;

  /** One that lies in no stack. */
  push(one: T): void {
    const { top } = this;
    one.below = top;
    if (top !== null) top.above = one;
    this.top = one;
    this.size++;
  }

  pop(): T | null {
    const { top } = this;
    if (top !== null) this.remove(top);
    return top;
  }

  /** Takes it out if it is there; it must not lie in another stack. */
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
