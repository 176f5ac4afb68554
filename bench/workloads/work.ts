/** What a workload is: an origin, a load, and the proxies that it is run on. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Panel } from "../chart.ts";
import { freePort } from "../processes.ts";
import type { Processes, Started } from "../processes.ts";
import { otherSettings } from "../rivals/certificate.ts";
import type { CertificateFiles } from "../rivals/certificate.ts";
import type { Rival } from "../rivals/rival.ts";

export interface Work {
  /** The name for `--work`. */
  readonly name: string;
  /** What is requested and answered, in one line. */
  readonly about: string;
  readonly rivals: readonly Rival[];
  /** Names of the proxies that run with `--quick`, so that it takes less than a minute. Default: all. */
  readonly quick?: readonly string[];
  /** Whether the workload's load supports `Place.changing`. */
  readonly canChange?: boolean;
  /** Whether clients speak TLS with the proxies. */
  readonly overTls?: boolean;
  /** What the workload needs and this machine lacks, apart from nginx as its origin; null if it can run. */
  readonly missing: () => string | null;
  readonly run: (place: Place, rivals: readonly Rival[]) => Promise<Result>;
}

/** Where and how a workload runs. */
export interface Place {
  readonly processes: Processes;
  /** An empty folder for the workload's files. */
  readonly folder: string;
  /** What the proxies serve TLS with; null: they serve plain HTTP. */
  readonly certificate: CertificateFiles | null;
  readonly proxyCore: number;
  readonly loadCore: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly minutes: number;
  /** Whether request fields differ from request to request. */
  readonly changing: boolean;
}

export interface Result {
  /** The table, with notes. */
  readonly text: string;
  /** All numbers, for the JSON file. The numbers of a row with a problem do not count. */
  readonly rows: readonly { readonly name: string; readonly problem?: string }[];
  readonly panels: readonly Panel[];
}

/** Starts a proxy on its core. Returns why it did not start, as a text, if it did not. */
export async function startRival(place: Place, rival: Rival, originPort: number): Promise<Started | string> {
  const missing = rival.missing();
  if (missing !== null) return `skipped: ${missing}`;
  const port = await freePort();
  const folder = path.join(place.folder, `${rival.name.replaceAll(/[^a-z0-9]+/gi, "-")}-${port}`);
  mkdirSync(folder);
  const cores = rival.bothCores === true ? `${place.proxyCore},${place.loadCore}` : place.proxyCore;
  try {
    const { certificate } = place;
    const started = await place.processes.serve(
      rival.prepare({ port, originPort, folder, certificate }),
      cores,
      port,
      certificate !== null,
    );
    const other = certificate === null ? null : await otherSettings(port);
    if (other === null) return started;
    await place.processes.end(started.pid);
    return `void: ${other}`;
  } catch (error) {
    console.error(`${rival.name}: ${error instanceof Error ? error.message : String(error)}`);
    return "did not start, see above";
  }
}

/** The text for a row whose proxy or load failed. Throws the error again if the bench is ending, because then everything fails. */
export async function voidBecause({ processes }: Place, error: unknown, server: Started): Promise<string> {
  if (processes.areEnding) throw error;
  const message = (await processes.whyEnded(server.pid)) ?? (error instanceof Error ? error.message : String(error));
  return `void: ${message.replaceAll(/\s+/g, " ").slice(0, 200)}`;
}
