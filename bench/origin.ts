/** The server behind the proxies: nginx that answers from memory, so that the other core has processor time left for the load. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findProgram, freePort } from "./processes.ts";
import type { Processes, Started } from "./processes.ts";
import { nginxFile } from "./rivals/nginx.ts";

/** 112 bytes: a small JSON answer. */
const BODY = JSON.stringify({ id: 4711, name: "a small answer of a service", tags: ["one", "two", "three"], price: 12.5, in_stock: true });

export async function startOrigin(processes: Processes, core: number, parent: string): Promise<Started> {
  const folder = path.join(parent, "origin");
  mkdirSync(folder);
  const port = await freePort();
  const file = path.join(folder, "nginx.conf");
  const server = `
  server {
    listen 127.0.0.1:${port};
    location / {
      default_type application/json;
      add_header Cache-Control "private, max-age=0";
      return 200 '${BODY}';
    }
  }`;
  writeFileSync(file, nginxFile(folder, server));
  return processes.serve([findProgram("nginx") ?? "nginx", "-p", folder, "-c", file, "-e", "stderr"], core, port);
}
