import { writeFileSync } from "node:fs";
import path from "node:path";
import { findProgram } from "../processes.ts";
import type { Rival, RivalSetup } from "./rival.ts";

/** As an operator who read its manual sets it up: connections to the origin are kept, nothing is logged. */
export const nginx: Rival = {
  name: "nginx",
  missing: () => (findProgram("nginx") === null ? "nginx is not installed: apt-get install nginx" : null),
  prepare: (setup) => {
    const file = path.join(setup.folder, "nginx.conf");
    writeFileSync(file, configuration(setup));
    return [findProgram("nginx") ?? "nginx", "-p", setup.folder, "-c", file, "-e", "stderr"];
  },
};

// It adds the fields that Millrace adds: equal work.
function configuration({ port, originPort, folder }: RivalSetup): string {
  return nginxFile(
    folder,
    `
  upstream app {
    server 127.0.0.1:${originPort};
    keepalive 128;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header Via "1.1 nginx";
    }
  }`,
  );
}

/** An nginx.conf for one worker that writes into `folder` only; `http` is what stands in its http block. */
export function nginxFile(folder: string, http: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
${temporary.map((name) => `  ${name}_temp_path ${folder}/${name};`).join("\n")}
${http}
}
`;
}
