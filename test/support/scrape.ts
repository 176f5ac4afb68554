/** Reads the admin address's scrape. */
import { setTimeout as wait } from "node:timers/promises";
import { ask, getAdmin } from "./raw-client.ts";

const WAIT_MS_MAX = 10_000;
/** Between two scrapes, more after a while. One after the other would take the processor from what is waited for. */
const PAUSE_MS = 10;
const PAUSE_MS_MAX = 100;

export class Scrape {
  /** Of each name, its series by their labels. */
  private readonly samples: Map<string, { readonly labels: string; readonly value: number }[]> = new Map();

  private constructor(text: string) {
    for (const [, name = "", labels = "", value] of text.matchAll(/^(millrace_\w+)(?:\{([^\n]*)\})? (\S+)$/gm)) {
      const series = this.samples.get(name);
      const sample = { labels, value: Number(value) };
      if (series === undefined) this.samples.set(name, [sample]);
      else series.push(sample);
    }
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
    const started = performance.now();
    for (;;) {
      const scrape = await Scrape.of(adminPort);
      if (condition(scrape)) return scrape;
      const waitedMs = performance.now() - started;
      if (waitedMs > limitMs) throw new Error(`waited in vain for ${typeof what === "string" ? what : what(scrape)}`);
      const pauseMs = Math.min(Math.max(waitedMs / 10, PAUSE_MS), PAUSE_MS_MAX);
      await wait(Math.min(pauseMs, limitMs - waitedMs + 1));
    }
  }

  /** The value of a series without labels, its name without `millrace_` and `_total`; it must exist. */
  single(name: string): number {
    const found = this.samples.get(`millrace_${name}`) ?? this.samples.get(`millrace_${name}_total`);
    const sample = found?.find(({ labels }) => labels === "");
    if (sample === undefined) throw new Error(`no series ${name} in the scrape`);
    return sample.value;
  }

  /** Sum over the series of that full name whose labels include all of these, each as `name="value"`. */
  sum(name: string, ...labels: readonly string[]): number {
    return (this.samples.get(name) ?? [])
      .filter((sample) => labels.every((label) => sample.labels.includes(label)))
      .reduce((sum, { value }) => sum + value, 0);
  }
}
