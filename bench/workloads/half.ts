/** Latency as users meet it: no proxy is saturated; each gets half as many requests per second as nginx can take. */
import { FixedRate } from "../load/fixed-rate.ts";
import { missingWrk, runWrk } from "../load/wrk.ts";
import type { Started } from "../processes.ts";
import { caddy } from "../rivals/caddy.ts";
import { haproxy } from "../rivals/haproxy.ts";
import { millrace, millraceLogging } from "../rivals/millrace.ts";
import { nginx } from "../rivals/nginx.ts";
import { inRounds } from "./in-rounds.ts";
import { promptOrigin } from "./origins.ts";
import { startRival } from "./work.ts";
import type { Place, Work } from "./work.ts";

const CONNECTIONS = 16;

export const half: Work = {
  name: "half",
  about: `GET, 112 bytes answered, ${CONNECTIONS} connections, a fixed rate: half of what nginx takes in the same run`,
  rivals: [millrace, millraceLogging, nginx, haproxy, caddy],
  quick: ["millrace", "nginx"],
  missing: missingWrk,
  run: inRounds({
    origin: promptOrigin,
    base: "nginx",
    note: "latencies count from the moment a request was due",
    // What runs once a second, for a new Date, is compiled within half a minute, each time with a pause. A start is what ten-minutes shows.
    warmUp: (loadOn, server, rival) => loadOn(server, rival.compilesItself === true ? 20 : 2, rival),
    load: async (place, origin) => {
      const load = await halfLoad(place, origin);
      return async ({ port }, seconds) => (await load.on(port, seconds)).whole;
    },
  }),
};

/** A load with half the requests per second that saturate nginx on this machine now. */
export async function halfLoad(place: Place, origin: Started): Promise<FixedRate> {
  return FixedRate.start(place.processes, place.loadCore, origin.port, { rate: await halfRate(place, origin), connections: CONNECTIONS });
}

async function halfRate(place: Place, origin: Started): Promise<number> {
  const server = await startRival(place, nginx, origin.port);
  if (typeof server === "string") throw new Error(`nginx, which tells the rate: ${server}`);
  const of = (seconds: number): Promise<{ requestsPerSecond: number }> =>
    runWrk(place, server.port, { seconds, connections: CONNECTIONS, isBatch: false });
  await of(1);
  const { requestsPerSecond } = await of(Math.max(3, place.seconds));
  await place.processes.end(server.pid);
  const rate = Math.round(requestsPerSecond / 2);
  process.stderr.write(`nginx takes ${requestsPerSecond.toFixed(0)} requests/s, so the load is ${rate}\n`);
  return rate;
}
