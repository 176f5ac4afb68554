/** What the origin saw and what was wrong with it. */

export interface OriginReport {
  readonly requests: number;
  readonly tunnels: number;
  readonly connectionsOpen: number;
  readonly violations: readonly string[];
  readonly violationsTotal: number;
}

const VIOLATIONS_KEPT = 40;

export class Tally {
  requests: number = 0;
  tunnels: number = 0;
  connectionsOpen: number = 0;
  private readonly kept: string[] = [];
  private violationsTotal: number = 0;
  private readonly seen: Set<number> = new Set();
  private whenQuiet: (() => void) | null = null;

  opened(): void {
    this.connectionsOpen++;
  }

  closed(): void {
    if (--this.connectionsOpen === 0) this.whenQuiet?.();
  }

  /** Resolves when no connection is open, at the latest after that time. */
  async quiet(limitMs: number): Promise<void> {
    if (this.connectionsOpen === 0) return;
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, limitMs);
      this.whenQuiet = () => {
        clearTimeout(limit);
        resolve();
      };
    });
  }

  /** Notes that the request came; false: it came before. */
  firstTime(seed: number): boolean {
    if (this.seen.has(seed)) return false;
    this.seen.add(seed);
    return true;
  }

  violation(text: string): void {
    this.violationsTotal++;
    if (this.kept.length < VIOLATIONS_KEPT) this.kept.push(text);
  }

  report(): OriginReport {
    const { requests, tunnels, connectionsOpen, kept, violationsTotal } = this;
    return { requests, tunnels, connectionsOpen, violations: kept, violationsTotal };
  }
}
