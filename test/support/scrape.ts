/** Reads the metrics of the admin address (`/metrics`). */
import { setTimeout as wait } from "node:timers/promises";
import { ask, getAdmin } from "./raw-client.ts";

const WAIT_MS_MAX = 10_000;
/** Pause between two scrapes, which grows up to the maximum: scrapes without a pause would slow down what the test waits for. */
const PAUSE_MS = 10;
const PAUSE_MS_MAX = 100;

interface Sample {
  readonly labels: string;
  readonly value: number;
}

export class Scrape {
  /** With a line break before each line. */
  private readonly text: string;
  /** The series of each metric that was asked for, by the metric's full name. A test asks for few of the hundreds of series. */
  private readonly samples: Map<string, readonly Sample[]> = new Map();

  private constructor(text: string) {
    this.text = `\n${text}`;
  }

  static async of(adminPort: number): Promise<Scrape> {
    const response = await ask(adminPort, getAdmin("/metrics"));
    if (response.status !== 200) throw new Error(`/metrics answered ${response.status}`);
    return new Scrape(response.body);
  }

  /**
   * Scrapes until the condition holds, and returns that scrape. Needed because an exchange is counted when its last byte is written: its client may
   * read the counters before that.
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

  /** The value of a metric without labels, which must exist. The name is given without `millrace_` and `_total`. */
  single(name: string): number {
    const found = this.series(`millrace_${name}`);
    const sample = (found.length > 0 ? found : this.series(`millrace_${name}_total`)).find(({ labels }) => labels === "");
    if (sample === undefined) throw new Error(`no series ${name} in the scrape`);
    return sample.value;
  }

  /** The sum over the series of the metric `name` (full name) that have all these labels, each given as `name="value"`. */
  sum(name: string, ...labels: readonly string[]): number {
    return this.series(name)
      .filter((sample) => labels.every((label) => sample.labels.includes(label)))
      .reduce((sum, { value }) => sum + value, 0);
  }
  private series(name: string): readonly Sample[] {
    const known = this.samples.get(name);
    if (known !== undefined) return known;
    const found: Sample[] = [];
    const start = `\n${name}`;
    for (let at = this.text.indexOf(start); at >= 0; at = this.text.indexOf(start, at + start.length)) {
      const end = this.text.indexOf("\n", at + 1);
      const [, labels = "", value] = /^(?:\{(.*)\})? (\S+)$/.exec(this.text.slice(at + start.length, end < 0 ? undefined : end)) ?? [];
      // Another metric may have a longer name that begins like this one.
      if (value !== undefined) found.push({ labels, value: Number(value) });
    }
    this.samples.set(name, found);
    return found;
  }
}
