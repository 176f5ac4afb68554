/** The proxy's own numbers, from its admin address. */
import http from "node:http";

export class Metrics {
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The sum over all labels. */
  sum(name: string): number {
    let sum = 0;
    for (const [, value] of this.text.matchAll(new RegExp(`^${name}(?:\\{[^\\n]*\\})? (\\S+)$`, "gm"))) sum += Number(value);
    return sum;
  }
}

export function readMetrics(adminPort: number): Promise<Metrics> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: "127.0.0.1", port: adminPort, path: "/metrics", agent: false, timeout: 10_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (text += piece));
      response.on("end", () => resolve(new Metrics(text)));
      response.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error("the admin address does not answer")));
    request.on("error", reject);
  });
}
