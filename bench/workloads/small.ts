/** The plain case: how much does a request cost when nothing but forwarding is asked for? */
import { missingWrk } from "../load/wrk.ts";
import { caddy } from "../rivals/caddy.ts";
import { haproxy } from "../rivals/haproxy.ts";
import { millrace, millraceLogging } from "../rivals/millrace.ts";
import { nginx } from "../rivals/nginx.ts";
import { onNode } from "../rivals/on-node.ts";
import { browsers, inRounds } from "./in-rounds.ts";
import { smallOrigin } from "./origins.ts";
import type { Work } from "./work.ts";

export const small: Work = {
  name: "small",
  about: "GET, 112 bytes answered, 64 kept connections; nothing but forwarding",
  rivals: [millrace, millraceLogging, nginx, haproxy, caddy, ...onNode],
  quick: ["millrace", "millrace+log", "nginx", "haproxy", "caddy", "http-proxy"],
  canChange: true,
  missing: missingWrk,
  run: inRounds({
    origin: smallOrigin,
    base: "nginx",
    load: browsers(),
  }),
};
