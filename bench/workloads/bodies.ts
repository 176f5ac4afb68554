/** Large answers: how much does a byte cost? */
import { missingWrk, runWrk } from "../load/wrk.ts";
import { caddy } from "../rivals/caddy.ts";
import { haproxy, haproxy64k, haproxySplice } from "../rivals/haproxy.ts";
import { millrace } from "../rivals/millrace.ts";
import { nginx, nginxAs } from "../rivals/nginx.ts";
import type { Rival } from "../rivals/rival.ts";
import { inRounds } from "./in-rounds.ts";
import { fileOrigin } from "./origins.ts";
import type { Work } from "./work.ts";

const CONNECTIONS = 8;

export const body100k: Work = bodies("body-100k", "100 KiB", 100 << 10);
export const body10m: Work = bodies("body-10m", "10 MiB", 10 << 20);

function bodies(name: string, size: string, bytes: number): Work {
  return {
    name,
    about: `GET, ${size} answered from a file, ${CONNECTIONS} kept connections`,
    rivals: [millrace, nginx, nginxBuffers(16), nginxBuffers(64), nginxBuffers(64, true), haproxy, haproxy64k, haproxySplice, caddy],
    missing: missingWrk,
    run: inRounds({
      origin: fileOrigin(bytes),
      base: "nginx",
      load:
        (place) =>
        ({ port }, seconds) =>
          runWrk(place, port, { seconds, connections: CONNECTIONS }),
    }),
  };
}

/** By default it has eight buffers of a page (4 or 8 KiB), and what does not fit goes through a file; these never do. */
function nginxBuffers(kilobytes: number, keepsMemory: boolean = false): Rival {
  return nginxAs(`nginx ${kilobytes}k buffers${keepsMemory ? " kept" : ""}`, () => ({
    location: `proxy_buffer_size ${kilobytes}k;
      proxy_buffers 16 ${kilobytes}k;
      proxy_busy_buffers_size ${2 * kilobytes}k;
      proxy_max_temp_file_size 0;`,
    keepsMemory,
  }));
}
