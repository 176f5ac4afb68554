/** Large requests, with their length announced and in chunks; answered when the origin has read all of it. */
import { missingWrk, runWrk } from "../load/wrk.ts";
import { caddy } from "../rivals/caddy.ts";
import { haproxy, haproxy64k } from "../rivals/haproxy.ts";
import { millrace } from "../rivals/millrace.ts";
import { nginxAs } from "../rivals/nginx.ts";
import type { Rival } from "../rivals/rival.ts";
import { inRounds } from "./in-rounds.ts";
import { readingOrigin } from "./origins.ts";
import type { Work } from "./work.ts";

const CONNECTIONS = 8;

/** It passes bodies on as they come, as the others do, instead of collecting them in a file first. */
const nginxStreaming: Rival = streaming("nginx", "");
/** With larger buffers than its default of 16 KiB, as Millrace takes them and HAProxy gets them. */
const nginxLarge: readonly Rival[] = [
  streaming("nginx 64k buffers", "client_body_buffer_size 64k;"),
  streaming("nginx 256k buffers", "client_body_buffer_size 256k;"),
  streaming("nginx 256k buffers kept", "client_body_buffer_size 256k;", true),
];

export const upload1m: Work = uploads("upload-1m", "by Content-Length", []);
export const upload1mChunked: Work = uploads("upload-1m-chunked", "in chunks of 16 KiB", ["chunked"]);

function uploads(name: string, how: string, parameters: readonly string[]): Work {
  return {
    name,
    about: `POST of 1 MiB ${how}, ${CONNECTIONS} kept connections`,
    rivals: [millrace, nginxStreaming, ...nginxLarge, haproxy, haproxy64k, caddy],
    missing: missingWrk,
    run: inRounds({
      origin: readingOrigin,
      base: "nginx",
      load:
        (place) =>
        ({ port }, seconds) =>
          runWrk(place, port, { seconds, connections: CONNECTIONS, script: "upload", parameters }),
    }),
  };
}

function streaming(name: string, buffers: string, keepsMemory: boolean = false): Rival {
  const location = `client_max_body_size 0;\n      proxy_request_buffering off;\n      ${buffers}`;
  return nginxAs(name, () => ({ location, keepsMemory }));
}
