/**
 * A load with a fixed number of requests per second, however slow the answers are. wrk cannot do that, and h2load sends its requests in bursts
 * every 10 ms. The load runs in a program of its own, fixed-rate-program.ts.
 */
import { fileURLToPath } from "node:url";
import type { Answering, Processes } from "../processes.ts";
import { REQUEST_HEAD } from "./wrk.ts";
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

/** One line that is sent to the program. */
export interface FixedRateRun extends FixedRateSettings {
  readonly port: number;
  readonly seconds: number;
  readonly intervalSeconds: number;
  /** The text of a complete request. */
  readonly request: string;
}

/** Flags that keep pauses of the program's own V8 short: they would be taken for pauses of the proxy. */
const FEW_PAUSES = ["--no-memory-reducer", "--single-threaded-gc"];
const PROGRAM = fileURLToPath(new URL("./fixed-rate-program.ts", import.meta.url));
/** How long the program tries itself before it counts: until V8's compilers, which stop it for milliseconds, are done with most of it. */
const TRIAL_SECONDS = 5;

/** The running program. It serves all proxies and rounds: a new program in each round would have the pauses of its compilers there. */
export class FixedRate {
  private readonly program: Answering;
  private readonly settings: FixedRateSettings;

  private constructor(program: Answering, settings: FixedRateSettings) {
    this.program = program;
    this.settings = settings;
  }

  /** Starts the program, and resolves when it has tried itself on the origin. */
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

  /** Runs the load on a port. Latencies count from the moment at which each request was due. Rejects if connections are refused. */
  async on(port: number, seconds: number, intervalSeconds: number = seconds): Promise<FixedRateLoad> {
    const run: FixedRateRun = { ...this.settings, port, seconds, intervalSeconds, request: REQUEST_HEAD };
    return parseFixedRate(await this.program.ask(JSON.stringify(run)));
  }
}

/** Parses the program's report. Throws if a number is missing. */
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
