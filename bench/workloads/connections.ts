/** Clients that do not keep their connections: accepting and closing one per request. */
import { missingWrk, runWrk } from "../load/wrk.ts";
import { caddy } from "../rivals/caddy.ts";
import { haproxy } from "../rivals/haproxy.ts";
import { millrace } from "../rivals/millrace.ts";
import { nginx } from "../rivals/nginx.ts";
import { onNode } from "../rivals/on-node.ts";
import { inRounds } from "./in-rounds.ts";
import { smallOrigin } from "./origins.ts";
import type { Work } from "./work.ts";

export const connections: Work = {
  name: "connections",
  about: "a new client connection for each request, 64 at once; 112 bytes answered",
  rivals: [millrace, nginx, haproxy, caddy, ...onNode.filter(({ name }) => name === "http-proxy")],
  missing: missingWrk,
  run: inRounds({
    origin: smallOrigin,
    base: "nginx",
    note: "latencies count from the request, not from the connection's begin",
    load:
      (place) =>
      ({ port }, seconds) =>
        runWrk(place, port, { seconds, fields: ["Connection: close"] }),
  }),
};
