/** The metrics of a test's proxy at one moment, as `/metrics` would show them. */
export class Metrics {
  /** Prometheus text. */
  readonly text: string;

  /** @internal Tests get metrics from `proxy.metrics`. */
  constructor(text: string) {
    this.text = text;
  }

  /** The sum of all series of the metric that have these labels; 0 if there are none. Throws if no metric has that name. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const family = name.replace(/_(?:bucket|sum|count)$/, "");
    if (![name, family].some((each) => this.text.includes(`# TYPE ${each} `))) throw new Error(`there is no metric ${name}`);
    let sum = 0;
    for (const line of this.text.split("\n")) {
      const [, series, labelled = "", value] = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (series !== name) continue;
      if (Object.entries(labels).every(([label, text]) => `,${labelled},`.includes(`,${label}=${JSON.stringify(text)},`)))
        sum += Number(value);
    }
    return sum;
  }
}
