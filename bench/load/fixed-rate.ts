/** A load of so many requests per second, whatever the answers do. wrk cannot do that, and h2load sends its share every 10 ms at once. */
import { fileURLToPath } from "node:url";
import type { Processes } from "../processes.ts";
import { REQUEST_FIELDS, REQUEST_TARGET } from "./wrk.ts";
import type { Load } from "./wrk.ts";

export interface FixedRateSettings {
  /** Requests per second, over all connections. */
  readonly rate: number;
  readonly seconds: number;
  readonly connections: number;
  /** What each of the intervals spans; without it there is one. */
  readonly intervalSeconds?: number;
  /** Where the program tries itself for a second first. */
  readonly trialPort?: number;
}

export interface FixedRateLoad {
  readonly whole: Load;
  readonly intervals: readonly Load[];
}

/** Its own pauses would be taken for the proxy's. */
const FEW_PAUSES = ["--no-memory-reducer", "--single-threaded-gc"];
const PROGRAM = fileURLToPath(new URL("./fixed-rate-program.ts", import.meta.url));
const HEAD = `GET ${REQUEST_TARGET} HTTP/1.1\r\n${["Host: bench.test", ...REQUEST_FIELDS].join("\r\n")}\r\n\r\n`;

/** Latencies count from the moment that each request was due. */
export async function runFixedRate(processes: Processes, core: number, port: number, settings: FixedRateSettings): Promise<FixedRateLoad> {
  return parseFixedRate(await processes.run(fixedRateCommand(port, settings), core));
}

export function fixedRateCommand(port: number, settings: FixedRateSettings): readonly string[] {
  const { rate, seconds, connections, intervalSeconds = seconds, trialPort } = settings;
  const numbers = [port, rate, seconds, connections, intervalSeconds].map(String);
  return [process.execPath, ...FEW_PAUSES, PROGRAM, ...numbers, HEAD, ...(trialPort === undefined ? [] : [String(trialPort)])];
}

/** Lines of JSON, each with all numbers of a `Load`, the last one of them for the whole time; throws when one is not, or there is none. */
export function parseFixedRate(report: string): FixedRateLoad {
  const loads = report.split("\n").map((line) => {
    try {
      const found: unknown = JSON.parse(line);
      if (isLoad(found)) return found;
    } catch {
      // Not JSON.
    }
    throw new Error(`the load said: ${report}`);
  });
  const whole = loads.pop();
  if (whole === undefined || loads.length === 0) throw new Error(`the load said: ${report}`);
  return { whole, intervals: loads };
}

function isLoad(value: unknown): value is Load {
  const names = ["requests", "requestsPerSecond", "p50", "p99", "p999", "longest", "errors", "unsent"];
  return typeof value === "object" && value !== null && names.every((name) => Number.isFinite(Reflect.get(value, name)));
}
