/**
 * The fault origin, a process of its own: it does to each request what the request's plan says. Its parent learns the ports at the start
 * and, when it asks, what was wrong with the requests that came through the proxy.
 */
import { once } from "node:events";
import net from "node:net";
import { readFileSync } from "node:fs";
import tls from "node:tls";
import { TlsWire, secured } from "../support/tls-wire.ts";
import { standsOn } from "./door.ts";
import { shuns } from "./shy-origin.ts";
import { OriginConnection } from "./origin-connection.ts";
import type { Habit } from "./origin-connection.ts";
import { Tally } from "./origin-tally.ts";
import type { OriginReport } from "./origin-tally.ts";
import type { RouteName } from "./plan.ts";

/** What its parent asks: what the origin has seen, once its connections have gone, or when it is time that they had. */
export interface ReportRequest {
  readonly quietWithinMs: number;
}

/** URLs of origins, by the route that leads to them. */
export type OriginUrls = Readonly<Record<Exclude<RouteName, "refused">, readonly string[]>>;

/** What the origin tells its parent. */
export type FromOrigin =
  | { readonly type: "listening"; readonly urls: OriginUrls }
  | { readonly type: "report"; readonly report: OriginReport };

const tally = new Tally();

/** The only version that an origin speaks; null: it speaks no TLS. */
type Version = "TLSv1.2" | "TLSv1.3" | null;

const [certificate = "", key = ""] = process.argv.slice(2).map((file) => readFileSync(file, "utf8"));

/** Returns the origin's URL. */
async function listen(habit: Habit | "shy", version: Version): Promise<string> {
  const secureContext =
    version === null ? null : tls.createSecureContext({ cert: certificate, key, minVersion: version, maxVersion: version });
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (tcp) => {
    if (secureContext === null) return void new OriginConnection(tcp, null, habit === "shy" ? "plain" : habit, tally);
    if (habit === "shy" && shuns(tcp, tally)) return;
    const wire = new TlsWire(tcp);
    const socket = secured(wire, new Map([["", secureContext]]));
    standsOn(socket, tcp);
    void new OriginConnection(socket, wire, habit === "shy" ? "plain" : habit, tally);
  });
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
  await once(server, "listening");
  const address = server.address();
  const port = address === null || typeof address === "string" ? 0 : address.port;
  return `${version === null ? "http" : "https"}://127.0.0.1:${port}`;
}

async function listenAll(habit: Habit | "shy", ...versions: readonly Version[]): Promise<string[]> {
  return await Promise.all(versions.map((version) => listen(habit, version)));
}

function tell(message: FromOrigin): void {
  process.send?.(message);
}

process.on("message", ({ quietWithinMs }: ReportRequest) => {
  void tally.quiet(quietWithinMs).then(() => tell({ type: "report", report: tally.report() }));
});
// Without its parent nobody needs it.
process.on("disconnect", () => process.exit(0));
process.on("uncaughtException", (error) => tally.violation(`the origin itself failed: ${error.stack ?? error.message}`));

const urls: OriginUrls = {
  main: await listenAll("plain", null, null, "TLSv1.2", "TLSv1.3"),
  secure: await listenAll("plain", "TLSv1.2", "TLSv1.3"),
  shy: await listenAll("shy", "TLSv1.2", "TLSv1.3"),
  restless: await listenAll("restless", null, "TLSv1.2", "TLSv1.3"),
  late: await listenAll("late", null, "TLSv1.3"),
};
tell({ type: "listening", urls });
