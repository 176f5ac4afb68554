/** A load of so many requests per second, whatever the answers do. wrk cannot do that, and h2load sends its share every 10 ms at once. */
import { fileURLToPath } from "node:url";
import type { Answering, Processes } from "../processes.ts";
import { REQUEST_FIELDS, REQUEST_TARGET } from "./wrk.ts";
import type { Load } from "./wrk.ts";

export interface FixedRateSettings {
  /** Requests per second, over all connections. */
  readonly rate: number;
  readonly connections: number;
}

export interface FixedRateLoad {
  readonly whole: Load;
  readonly intervals: readonly Load[];
}

/** What one line asks the program for. */
export interface FixedRateRun extends FixedRateSettings {
  readonly port: number;
  readonly seconds: number;
  readonly intervalSeconds: number;
  /** A whole request. */
  readonly request: string;
}

/** Its own pauses would be taken for the proxy's. */
const FEW_PAUSES = ["--no-memory-reducer", "--single-threaded-gc"];
const PROGRAM = fileURLToPath(new URL("./fixed-rate-program.ts", import.meta.url));
const HEAD = `GET ${REQUEST_TARGET} HTTP/1.1\r\n${["Host: bench.test", ...REQUEST_FIELDS].join("\r\n")}\r\n\r\n`;
/** Until its compilers are done with most of it: they stop it for milliseconds each. */
const TRIAL_SECONDS = 5;

/** One program for all proxies and rounds: a new one would have its compilers' pauses in each of them. */
export class FixedRate {
  private readonly program: Answering;
  private readonly settings: FixedRateSettings;

  private constructor(program: Answering, settings: FixedRateSettings) {
    this.program = program;
    this.settings = settings;
  }

  /** Resolves when the program has tried itself on the origin. */
  static async start(
    processes: Processes,
    core: number | string,
    originPort: number,
    settings: FixedRateSettings,
    trialSeconds: number = TRIAL_SECONDS,
  ): Promise<FixedRate> {
    const load = new FixedRate(processes.answering([process.execPath, ...FEW_PAUSES, PROGRAM], core), settings);
    await load.on(originPort, trialSeconds);
    return load;
  }

  /** Requests per second. */
  get rate(): number {
    return this.settings.rate;
  }

  /** Latencies count from the moment that each request was due. Rejects when connections are refused. */
  async on(port: number, seconds: number, intervalSeconds: number = seconds): Promise<FixedRateLoad> {
    const run: FixedRateRun = { ...this.settings, port, seconds, intervalSeconds, request: HEAD };
    return parseFixedRate(await this.program.ask(JSON.stringify(run)));
  }
}

/** Throws when a number of a `Load` is missing. */
export function parseFixedRate(report: string): FixedRateLoad {
  try {
    const { whole, intervals }: { whole?: unknown; intervals?: unknown } = JSON.parse(report);
    if (isLoad(whole) && Array.isArray(intervals) && intervals.length > 0 && intervals.every(isLoad)) return { whole, intervals };
  } catch {
    // Not JSON.
  }
  throw new Error(`the load said: ${report}`);
}

function isLoad(value: unknown): value is Load {
  const names = ["requests", "requestsPerSecond", "p50", "p99", "p999", "longest", "errors", "unsent"];
  return typeof value === "object" && value !== null && names.every((name) => Number.isFinite(Reflect.get(value, name)));
}
