/** `npm run soak`: see docs/soak.md. Exit code 1 on any violation. */
import { parseArgs } from "node:util";
import { RUN_SEED_END } from "./load.ts";
import { reportTable } from "./report-table.ts";
import { soak } from "./soak.ts";
import type { SoakOptions } from "./soak.ts";

const HELP = `npm run soak -- [OPTION]...

  --exchanges N     exchanges after the warm-up (200000)
  --tunnels N       WebSocket tunnels among them (2000)
  --workers N       data-plane threads of the proxy (4)
  --concurrency N   exchanges at a time (48)
  --seed N          what is drawn, below 2^20; printed at the start (from the clock)
  --warm-up N       exchanges before the first measurement (4000)
  --parts N         measurements after equal parts of the load (4)
  --limit SECONDS   a part of the load ends then, and has failed (600)
  --kind NAME       draw this kind alone
  --tls             the clients speak TLS
`;

const REST_MS = 30_000;

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (options === null) return 1;
  console.log(`seed ${options.seed}`);
  const report = await soak(options);
  console.log(reportTable(report));
  return report.books.violationsTotal === 0 ? 0 : 1;
}

function readOptions(): SoakOptions | null {
  try {
    const number = { type: "string" } as const;
    const { values } = parseArgs({
      options: {
        exchanges: number,
        tunnels: number,
        workers: number,
        concurrency: number,
        seed: number,
        "warm-up": number,
        parts: number,
        limit: number,
        kind: number,
        tls: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    if (values.help === true) {
      console.log(HELP);
      return null;
    }
    return {
      exchanges: whole("exchanges", values.exchanges, 200_000),
      tunnels: whole("tunnels", values.tunnels, 2000),
      workers: whole("workers", values.workers, 4),
      concurrency: whole("concurrency", values.concurrency, 48),
      seed: whole("seed", values.seed, Math.floor(Date.now() / 1000) % RUN_SEED_END, RUN_SEED_END - 1),
      warmUp: whole("warm-up", values["warm-up"], 4000),
      parts: Math.max(1, whole("parts", values.parts, 4)),
      limitMs: whole("limit", values.limit, 600) * 1000,
      only: values.kind,
      overTls: values.tls === true,
      restMs: REST_MS,
      onProgress: (line) => console.log(line),
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return null;
  }
}

function whole(name: string, text: string | undefined, otherwise: number, max: number = 100_000_000): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text) || Number(text) > max) throw new Error(`--${name} expects a whole number up to ${max}, not ${text}`);
  return Number(text);
}
