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
  private readonly text: string;
  /** The samples of each metric, by its full name. The text is read once: a test asks for dozens of metrics in thousands of lines. */
  private metrics: ReadonlyMap<string, readonly Sample[]> | null = null;

  private constructor(text: string) {
    this.text = text;
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
    const found = this.series(`millrace_${name}`) ?? this.series(`millrace_${name}_total`) ?? [];
    const sample = found.find(({ labels }) => labels === "");
    if (sample === undefined) throw new Error(`no series ${name} in the scrape`);
    return sample.value;
  }

  /** The sum over the series of the metric `name` (full name) that have all these labels, each given as `name="value"`. */
  sum(name: string, ...labels: readonly string[]): number {
    return (this.series(name) ?? [])
      .filter((sample) => labels.every((label) => sample.labels.includes(label)))
      .reduce((sum, { value }) => sum + value, 0);
  }

  private series(name: string): readonly Sample[] | undefined {
    return (this.metrics ??= readMetrics(this.text)).get(name);
  }
}

/** Every line is `name value` or `name{labels} value`; lines that begin with # are comments. */
function readMetrics(text: string): ReadonlyMap<string, readonly Sample[]> {
  const metrics = new Map<string, Sample[]>();
  for (let start = 0; start < text.length;) {
    const lineEnd = text.indexOf("\n", start);
    const end = lineEnd < 0 ? text.length : lineEnd;
    if (text[start] !== "#") {
      const space = text.lastIndexOf(" ", end - 1);
      const brace = text.indexOf("{", start);
      const nameEnd = brace < 0 || brace > space ? space : brace;
      const sample = { labels: text.slice(nameEnd + 1, Math.max(nameEnd + 1, space - 1)), value: Number(text.slice(space + 1, end)) };
      const name = text.slice(start, nameEnd);
      const known = metrics.get(name);
      if (known === undefined) metrics.set(name, [sample]);
      else known.push(sample);
    }
    start = end + 1;
  }
  return metrics;
}
