/** Runs the load generator wrk on one thread: each connection sends its next request as soon as it has its answer. */
import { fileURLToPath } from "node:url";
import { missingProgram } from "../processes.ts";
import type { Place } from "../workloads/work.ts";

export interface Load {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Latencies, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly longest: number;
  /** Failed connections, and answers other than 2xx and 3xx or later than 2 s. With a fixed rate also missing answers, which wrk does not see. */
  readonly errors: number;
  /** Only with a fixed rate: requests that were due but not sent, because the rate was not kept. */
  readonly unsent?: number;
  /** Only with a fixed rate: answered requests without a latency, because the machine stopped the load meanwhile. */
  readonly unjudged?: number;
}

export interface WrkSettings {
  readonly seconds: number;
  /** How many connections. Default: 64. */
  readonly connections?: number;
  /** Field lines in addition to those of a browser. */
  readonly fields?: readonly string[];
  /** A script of this folder, and its arguments. Without a script every request is the same. */
  readonly script?: "changing" | "keys" | "routes" | "upload";
  readonly parameters?: readonly (string | number)[];
  /** Whether wrk runs as a batch process (`Processes.asBatch`). Default: true. */
  readonly isBatch?: boolean;
}

/** The fields that a browser sends. With request line and Host a request has about 900 bytes. */
export const REQUEST_FIELDS: readonly string[] = [
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7",
  "Cache-Control: max-age=0",
  "Cookie: session=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08; consent=analytics%3D0%26marketing%3D0; theme=dark",
  "Priority: u=0, i",
  "Referer: http://bench.test/catalogue/items?page=3&sort=price",
  'Sec-Ch-Ua: "Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"',
  "Sec-Ch-Ua-Mobile: ?0",
  'Sec-Ch-Ua-Platform: "Linux"',
  "Sec-Fetch-Dest: document",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-Site: same-origin",
  "Upgrade-Insecure-Requests: 1",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
];

export const REQUEST_TARGET = "/catalogue/items/4711?colour=blue";

/** The head of a browser's request. */
export const REQUEST_HEAD: string = `GET ${REQUEST_TARGET} HTTP/1.1\r\n${["Host: bench.test", ...REQUEST_FIELDS].join("\r\n")}\r\n\r\n`;

/** Null if wrk is installed; else a message with the command that installs it. */
export function missingWrk(): string | null {
  return missingProgram("wrk");
}

/** Where wrk runs, and whether it speaks TLS. */
export type WrkPlace = Pick<Place, "processes" | "loadCore" | "certificate">;

export async function runWrk({ processes, loadCore, certificate }: WrkPlace, port: number, settings: WrkSettings): Promise<Load> {
  const { seconds, connections = 64, fields = [], script = "report", parameters = [], isBatch = true } = settings;
  const lines = ["Host: bench.test", ...REQUEST_FIELDS, ...fields].flatMap((line) => ["-H", line]);
  const file = fileURLToPath(new URL(`./${script}.lua`, import.meta.url));
  const argv = ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", file, ...lines];
  const target = `${certificate === null ? "http" : "https"}://127.0.0.1:${port}${REQUEST_TARGET}`;
  const command = [...argv, target, "--", ...parameters.map(String)];
  return parseWrk(await processes.run(isBatch ? processes.asBatch(command) : command, loadCore));
}

/** Parses wrk's report, with the lines that report.lua adds. Throws if the text is not such a report. */
export function parseWrk(report: string): Load {
  const [, requests = "", seconds = "", unit = ""] = /(\d+) requests in ([\d.]+)(ms|s|m),/.exec(report) ?? [];
  const perSecond = /Requests\/sec:\s+([\d.]+)/.exec(report)?.[1];
  const p50 = /^\s+50%\s+([\d.]+)(us|ms|s|m)\b/m.exec(report);
  const p99 = /^\s+99%\s+([\d.]+)(us|ms|s|m)\b/m.exec(report);
  const added = [/^p99\.9 (\d+) us$/m, /^longest (\d+) us$/m].map((pattern) => Number(pattern.exec(report)?.[1]) / 1000);
  const [p999 = Number.NaN, longest = Number.NaN] = added;
  if (perSecond === undefined || p50 === null || p99 === null || Number.isNaN(p999 + longest) || milliseconds(seconds, unit) <= 0) {
    throw new Error(`wrk said: ${report}`);
  }
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(report)?.slice(1) ?? [];
  const statuses = /Non-2xx or 3xx responses: (\d+)/.exec(report)?.[1] ?? "0";
  return {
    requests: Number(requests),
    requestsPerSecond: Number(perSecond),
    p50: milliseconds(p50[1] ?? "", p50[2] ?? ""),
    p99: milliseconds(p99[1] ?? "", p99[2] ?? ""),
    p999,
    longest,
    errors: [...sockets, statuses].reduce((sum, count) => sum + Number(count), 0),
  };
}

function milliseconds(value: string, unit: string): number {
  const factor = { us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit] ?? Number.NaN;
  return Number(value) * factor;
}
