/** Reads the admin address's scrape. */
import { setTimeout as wait } from "node:timers/promises";
import { ask, getAdmin } from "./raw-client.ts";

const WAIT_MS_MAX = 10_000;
/** Between two scrapes. One after the other would take the processor from what is waited for. */
const PAUSE_MS = 10;

export class Scrape {
  private readonly samples: readonly (readonly [series: string, value: number])[];

  private constructor(text: string) {
    this.samples = [...text.matchAll(/^(millrace_\w+(?:\{[^\n]*\})?) (\S+)$/gm)].map(([, series, value]) => [series ?? "", Number(value)]);
  }

  static async of(adminPort: number): Promise<Scrape> {
    const response = await ask(adminPort, getAdmin("/metrics"));
    if (response.status !== 200) throw new Error(`/metrics answered ${response.status}`);
    return new Scrape(response.body);
  }

  /**
   * The first scrape that meets the condition. An exchange is counted when its last byte is written, so its client may ask for the
   * counters before: whoever compares them with answers waits.
   */
  static async until(
    adminPort: number,
    condition: (scrape: Scrape) => boolean,
    what: string | ((scrape: Scrape) => string),
    limitMs: number = WAIT_MS_MAX,
  ): Promise<Scrape> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const scrape = await Scrape.of(adminPort);
      if (condition(scrape)) return scrape;
      if (performance.now() > deadline) throw new Error(`waited in vain for ${typeof what === "string" ? what : what(scrape)}`);
      await wait(PAUSE_MS);
    }
  }

  /** The value of a series without labels, its name without `millrace_` and `_total`; it must exist. */
  single(name: string): number {
    const found = this.samples.find(([series]) => series === `millrace_${name}` || series === `millrace_${name}_total`);
    if (found === undefined) throw new Error(`no series ${name} in the scrape`);
    return found[1];
  }

  /** Sum over the series of that full name whose labels include all of these, each as `name="value"`. */
  sum(name: string, ...labels: readonly string[]): number {
    return this.samples
      .filter(([series]) => series.startsWith(`${name}{`) && labels.every((label) => series.includes(label)))
      .reduce((sum, [, value]) => sum + value, 0);
  }
}
