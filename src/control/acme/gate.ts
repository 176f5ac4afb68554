/** Lets a limited number of things run at once; the others wait in the order in which they came. Before it is opened nothing runs. */
export class Gate {
  private most: number = 0;
  private readonly waiting: Set<() => void> = new Set();
  private running: number = 0;

  /** From now on that many may run at once. */
  open(most: number): void {
    this.most = most;
    while (this.running < most && this.waiting.size > 0) {
      this.running++;
      this.next();
    }
  }

  /** Runs `act` when there is room, or not at all if `signal` is aborted by then. */
  async within(signal: AbortSignal, act: () => Promise<void>): Promise<void> {
    if (this.running < this.most) this.running++;
    else if (!(await this.turn(signal))) return;
    try {
      if (!signal.aborted) await act();
    } finally {
      // Whoever ends hands its place on.
      if (this.waiting.size > 0) this.next();
      else this.running--;
    }
  }

  private next(): void {
    for (const go of this.waiting) {
      this.waiting.delete(go);
      return go();
    }
  }

  /** Resolves with true when a place was handed over, with false when `signal` is aborted before. */
  private turn(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const go = (): void => {
        signal.removeEventListener("abort", giveUp);
        resolve(true);
      };
      const giveUp = (): void => {
        if (this.waiting.delete(go)) resolve(false);
      };
      if (signal.aborted) return resolve(false);
      signal.addEventListener("abort", giveUp, { once: true });
      this.waiting.add(go);
    });
  }
}
