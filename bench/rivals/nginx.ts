import { writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { findProgram, missingProgram, programVersion } from "../processes.ts";
import { CURVE, SUITE } from "./certificate.ts";
import type { CertificateFiles } from "./certificate.ts";
import type { Rival, RivalSetup } from "./rival.ts";

export interface NginxProcess {
  readonly connections?: number;
  /**
   * Whether malloc keeps the memory of large buffers (mallopt(3)). Otherwise, depending on the state of the heap, it is returned to the system after
   * each body and fetched again page by page, which takes several times as long as everything else.
   */
  readonly keepsMemory?: boolean;
}

/** Directives in addition to those of every run. */
export interface NginxSettings extends NginxProcess {
  readonly http?: string;
  readonly location?: string;
  /** Origins as host:port. Default: only the workload's. */
  readonly servers?: readonly string[];
}

/** nginx as an operator who has read its manual sets it up: connections to the origin are kept, nothing is logged. */
export const nginx: Rival = nginxAs("nginx");

export function nginxAs(name: string, settings: (setup: RivalSetup) => NginxSettings = () => ({})): Rival {
  return {
    name,
    missing: () => missingProgram("nginx"),
    version: () => programVersion("nginx", "-v"),
    prepare: (setup) => nginxCommand(setup.folder, configuration(setup, settings(setup)), settings(setup)),
  };
}

// nginx adds the same fields as Millrace, so that both do equal work.
function configuration(
  { port, originPort, certificate }: RivalSetup,
  { http = "", location = "", servers = [`127.0.0.1:${originPort}`] }: NginxSettings,
): string {
  return `
  ${http}
  upstream app {
    ${servers.map((server) => `server ${server};`).join(" ")}
    keepalive ${Math.max(128, 2 * servers.length)};
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} ${certificate === null ? "" : "ssl "}backlog=4096;
    ${certificate === null ? "" : tls(certificate)}
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header Via "1.1 nginx";
      ${location}
    }
  }`;
}

// Tickets are on by default.
function tls({ certificate, key }: CertificateFiles): string {
  return `ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites ${SUITE};
    ssl_ecdh_curve ${CURVE};`;
}

/** Writes an nginx.conf for one worker that writes into `folder` only, and returns its command line; `http` stands in its http block. */
export function nginxCommand(
  folder: string,
  http: string,
  { connections = 4096, keepsMemory = false }: NginxProcess = {},
): readonly string[] {
  const file = path.join(folder, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const text = `daemon off;
${user()}worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections ${connections}; }
http {
  access_log off;
  keepalive_requests 100000000;
${temporary.map((name) => `  ${name}_temp_path ${folder}/${name};`).join("\n")}
${http}
}
`;
  writeFileSync(file, text);
  const environment = keepsMemory ? ["env", "MALLOC_MMAP_THRESHOLD_=33554432", "MALLOC_TRIM_THRESHOLD_=268435456"] : [];
  return [...environment, findProgram("nginx") ?? "nginx", "-p", folder, "-c", file, "-e", "stderr"];
}

/** The user directive. If root starts nginx, its workers would run as `nobody`, who may not enter the bench's folder. */
function user(): string {
  return process.getuid?.() === 0 ? `user ${os.userInfo().username};\n` : "";
}
