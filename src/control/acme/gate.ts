/** Lets a limited number of things run at once; the others wait in the order in which they came. */
export class Gate {
  private most: number = 0;
  private readonly waiting: (() => void)[] = [];
  private running: number = 0;

  /** From now on that many may run at once; before, nothing does. */
  open(most: number): void {
    this.most = most;
    while (this.running < most && this.waiting.length > 0) {
      this.running++;
      this.waiting.shift()?.();
    }
  }

  /** Runs `act` when there is room, or not at all if `signal` is aborted by then. */
  async within(signal: AbortSignal, act: () => Promise<void>): Promise<void> {
    if (this.running < this.most) this.running++;
    // Whoever ends hands its place on.
    else await new Promise<void>((go) => this.waiting.push(go));
    try {
      if (!signal.aborted) await act();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
  }
}
