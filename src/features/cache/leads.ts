/** Lets equal requests of a thread wait for the first of them, so that an upstream is asked once. */
import type { ExchangeView } from "../../proxy/feature/middleware.ts";

export class Leads {
  private readonly after: (ms: number, then: () => void) => () => void;
  private readonly waitMs: number;
  /** By key, those who wait for the request that is under way. */
  private readonly waiting: Map<string, (() => void)[]> = new Map();

  constructor(waitMs: number, after: (ms: number, then: () => void) => () => void) {
    this.waitMs = waitMs;
    this.after = after;
  }

  /** Whether a request for the key is under way for which others wait. */
  has(key: string): boolean {
    return this.waiting.has(key);
  }

  /** The request with this key is under way. */
  begin(key: string): void {
    this.waiting.set(key, []);
  }

  /** It is known what came of it. */
  end(key: string): void {
    const waiting = this.waiting.get(key);
    this.waiting.delete(key);
    for (const goOn of waiting ?? []) goOn();
  }

  /** Settles when the request with the key has ended, the time is over, or the exchange is. */
  wait(key: string, { signal }: ExchangeView): Promise<void> {
    return new Promise((resolve) => {
      const goOn = (): void => {
        cancel();
        signal.removeEventListener("abort", goOn);
        resolve();
      };
      const cancel = this.after(this.waitMs, goOn);
      signal.addEventListener("abort", goOn, { once: true });
      this.waiting.get(key)?.push(goOn);
    });
  }
}
