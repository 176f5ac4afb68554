/**
 * The fault origin, a process of its own: it does to each request what the request's plan says. Its parent learns the ports at the start
 * and, when it asks, what was wrong with the requests that came through the proxy.
 */
import { once } from "node:events";
import net from "node:net";
import { OriginConnection } from "./origin-connection.ts";
import type { Habit } from "./origin-connection.ts";
import { Tally } from "./origin-tally.ts";
import type { OriginReport } from "./origin-tally.ts";

/** What its parent asks: what the origin has seen, once its connections have gone, or when it is time that they had. */
export interface ReportRequest {
  readonly quietWithinMs: number;
}

/** What the origin tells its parent. */
export type FromOrigin =
  | { readonly type: "ports"; readonly main: readonly number[]; readonly restless: number; readonly late: number }
  | { readonly type: "report"; readonly report: OriginReport };

const tally = new Tally();

async function listen(habit: Habit): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void new OriginConnection(socket, habit, tally));
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
  await once(server, "listening");
  const address = server.address();
  return address === null || typeof address === "string" ? 0 : address.port;
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

const main = [await listen("plain"), await listen("plain")];
tell({ type: "ports", main, restless: await listen("restless"), late: await listen("late") });
