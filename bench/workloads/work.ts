/** A workload: origin, load and the proxies under it. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Panel } from "../chart.ts";
import { freePort } from "../processes.ts";
import type { Processes, Started } from "../processes.ts";
import type { Rival } from "../rivals/rival.ts";

export interface Work {
  /** As `--work` takes it. */
  readonly name: string;
  /** What is asked and answered, in a line. */
  readonly about: string;
  readonly rivals: readonly Rival[];
  /** Names of those that `--quick` keeps, so that it takes less than a minute; absent: all. */
  readonly quick?: readonly string[];
  /** Whether its load heeds `Place.changing`. */
  readonly canChange?: boolean;
  /** What it needs beside nginx as its origin, and this machine lacks; null when it can run. */
  readonly missing: () => string | null;
  readonly run: (place: Place, rivals: readonly Rival[]) => Promise<Result>;
}

/** Where and how a workload runs. */
export interface Place {
  readonly processes: Processes;
  /** An empty folder. */
  readonly folder: string;
  readonly proxyCore: number;
  readonly loadCore: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly minutes: number;
  /** Request fields differ from request to request. */
  readonly changing: boolean;
}

export interface Result {
  /** A table, and what must be said about it. */
  readonly text: string;
  /** All numbers, for the JSON; a row with a problem has none that count. */
  readonly rows: readonly { readonly name: string; readonly problem?: string }[];
  readonly panels: readonly Panel[];
}

/** Starts a proxy on its core, or says why there is none. */
export async function startRival(place: Place, rival: Rival, originPort: number): Promise<Started | string> {
  const missing = rival.missing();
  if (missing !== null) return `skipped: ${missing}`;
  const port = await freePort();
  const folder = path.join(place.folder, `${rival.name.replaceAll(/[^a-z0-9]+/gi, "-")}-${port}`);
  mkdirSync(folder);
  const cores = rival.bothCores === true ? `${place.proxyCore},${place.loadCore}` : place.proxyCore;
  try {
    return await place.processes.serve(rival.prepare({ port, originPort, folder }), cores, port);
  } catch (error) {
    console.error(`${rival.name}: ${error instanceof Error ? error.message : String(error)}`);
    return "did not start, see above";
  }
}

/** What a row says whose proxy or load broke; throws on when the bench is ending, for then everything breaks. */
export async function voidBecause({ processes }: Place, error: unknown, server: Started): Promise<string> {
  if (processes.areEnding) throw error;
  const message = (await processes.whyEnded(server.pid)) ?? (error instanceof Error ? error.message : String(error));
  return `void: ${message.replaceAll(/\s+/g, " ").slice(0, 200)}`;
}
