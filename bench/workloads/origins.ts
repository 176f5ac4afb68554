/** The servers behind the proxies: nginx, so that the other core has processor time left for the load. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { freePort } from "../processes.ts";
import type { Started } from "../processes.ts";
import { nginxCommand } from "../rivals/nginx.ts";
import type { NginxProcess } from "../rivals/nginx.ts";
import type { Place } from "./work.ts";

export type Origin = (place: Place) => Promise<Started>;

/** A small JSON answer of 112 bytes. */
export const SMALL_BODY: string = JSON.stringify({
  id: 4711,
  name: "a small answer of a small service",
  tags: ["one", "two", "three"],
  price: 12.5,
  in_stock: true,
});

const SMALL = `location / {
      default_type application/json;
      add_header Cache-Control "private, max-age=0";
      return 200 '${SMALL_BODY}';
    }`;

/** Starts an origin that sends a small answer from memory. */
export const smallOrigin: Origin = (place) => start(place, onlySmall);

/** As `smallOrigin`, but not as a batch process: it answers at once whatever runs on its core, for loads that measure latency. */
export const promptOrigin: Origin = (place) => start(place, onlySmall, { isBatch: false });

/** As `smallOrigin`, also on this many further addresses (`originAddresses`). */
export function smallOriginOn(addresses: number): Origin {
  return (place) =>
    start(place, (listen) => `server { ${["127.0.0.1", ...originAddresses(addresses)].map(listen).join(" ")} ${SMALL} }`, {
      connections: 16_000,
    });
}

/** Addresses of 127.0.0.0/8, which all lead to this machine. At most some ten thousand. */
export function originAddresses(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `127.0.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`);
}

/** An origin that sends this many bytes from a file, which the kernel has in memory. */
export function fileOrigin(bytes: number): Origin {
  return (place) => {
    const root = path.join(place.folder, "files");
    mkdirSync(root);
    writeFileSync(path.join(root, "body"), Buffer.alloc(bytes, "0123456789abcdef"));
    const location = `location / { root ${root}; default_type application/octet-stream; rewrite ^ /body break; }`;
    return start(place, (listen) => `sendfile on; tcp_nopush on; server { ${listen("127.0.0.1")} ${location} }`);
  };
}

/**
 * Reads a request body to its end before it answers. `return` alone would answer at once and discard what follows, and a proxy might stop
 * sending; `proxy_pass` reads the body into memory first, and passes on a request without it.
 */
export const readingOrigin: Origin = (place) => {
  const inner = `unix:${place.folder}/inner.sock`;
  return start(
    place,
    (listen) => `
  upstream inner { server ${inner}; keepalive 64; keepalive_requests 100000000; }
  server { listen ${inner}; ${SMALL} }
  server {
    ${listen("127.0.0.1")}
    client_max_body_size 0;
    client_body_buffer_size 2m;
    location / {
      proxy_pass http://inner;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_pass_request_headers off;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }
  }`,
    { keepsMemory: true },
  );
};

type Http = (listen: (address: string) => string) => string;

function onlySmall(listen: (address: string) => string): string {
  return `server { ${listen("127.0.0.1")} ${SMALL} }`;
}

async function start(
  place: Place,
  http: Http,
  { isBatch = true, ...process }: NginxProcess & { readonly isBatch?: boolean } = {},
): Promise<Started> {
  const folder = path.join(place.folder, "origin");
  mkdirSync(folder);
  const port = await freePort();
  const listen = (address: string): string => `listen ${address}:${port} backlog=4096;`;
  const command = nginxCommand(folder, http(listen), process);
  const argv = isBatch ? place.processes.asBatch(command) : command;
  return place.processes.serve(argv, place.loadCore, port);
}
