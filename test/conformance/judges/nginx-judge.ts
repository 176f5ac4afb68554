/**
 * nginx as the origin: it takes each request whole, with its body, and passes on what it understood to a server of this file, framed
 * anew and one request to a connection.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "../../support/free-port.ts";
import { valuesOf } from "../strict-grammar.ts";
import { readRequests } from "../strict-requests.ts";
import { told } from "./judge.ts";
import type { Judge, JudgeKind } from "./judge.ts";

/** Fields of which nginx keeps one line and refuses a second. */
const ONCE = [
  "authorization",
  "content-type",
  "expect",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "range",
  "te",
  "upgrade",
];

export const nginxJudge: JudgeKind = {
  name: "nginx",
  missing: () => (spawnSync("nginx", ["-v"], { stdio: "ignore" }).status === 0 ? null : "nginx is not installed: apt-get install nginx"),
  start,
  limits: [
    { why: "methods are upper-case letters, _ and -", applies: ({ method }) => !/^[A-Z_-]+$/.test(method) },
    { why: "no asterisk-form", applies: ({ target }) => target === "*" },
    {
      why: "percent-encoding is decoded: a malformed one and %00 are refused",
      applies: ({ target }) => /%(?:00|(?![0-9A-Fa-f]{2}))/.test(target),
    },
    { why: "paths above the root are refused", applies: ({ target }) => climbs(target) },
    { why: "no empty label in Host", applies: ({ fields }) => valuesOf(fields, "host").some((host) => host.includes("..")) },
    { why: "some fields once only", applies: ({ fields }) => ONCE.some((key) => valuesOf(fields, key).length > 1) },
  ],
};

/** Whether dot segments lead above the root, percent-encoded ones too. */
function climbs(target: string): boolean {
  let depth = 0;
  for (const segment of target.replace(/\?.*$/, "").replaceAll(/%2e/gi, ".").replaceAll(/%2f/gi, "/").split("/")) {
    if (segment === "..") depth--;
    else if (segment !== "" && segment !== ".") depth++;
    if (depth < 0) return true;
  }
  return false;
}

async function start(): Promise<Judge> {
  const folder = await mkdtemp(path.join(tmpdir(), "millrace-judge-"));
  // nginx started by root works as another user.
  await chmod(folder, 0o755);
  const behind = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    let bytes = "";
    socket.setEncoding("latin1");
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("data", (text: string) => {
      bytes += text;
      const [request] = readRequests(bytes, "client").requests;
      if (request === undefined) return;
      const seen = told(request.method, request.target, Buffer.from(request.body, "latin1"));
      socket.end(`HTTP/1.0 200 OK\r\nX-Seen: ${seen}\r\nContent-Length: 0\r\n\r\n`);
    });
  });
  behind.listen(0, "127.0.0.1");
  await once(behind, "listening");
  const port = await freePort();
  await writeFile(
    path.join(folder, "nginx.conf"),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  client_max_body_size 0; large_client_header_buffers 8 64k; keepalive_requests 1000000; keepalive_timeout 60s;
  proxy_buffer_size 128k; proxy_buffers 8 128k; proxy_busy_buffers_size 256k;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${(behind.address() as AddressInfo).port}; proxy_pass_request_headers off; }
  }
}`,
  );
  const nginx = spawn("nginx", ["-p", folder, "-c", path.join(folder, "nginx.conf")], { stdio: "ignore" });
  await accepting(port, nginx);
  return {
    port,
    stop: async () => {
      nginx.kill("SIGTERM");
      if (nginx.exitCode === null) await once(nginx, "exit");
      behind.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves once the port accepts a connection. */
async function accepting(port: number, child: ChildProcess): Promise<void> {
  const deadline = AbortSignal.timeout(10_000);
  for (;;) {
    if (child.exitCode !== null) throw new Error(`nginx exited with ${child.exitCode}`);
    if (deadline.aborted) throw new Error("nginx does not listen");
    const socket = net.connect(port, "127.0.0.1");
    const up = await new Promise<boolean>((resolve) => {
      socket.on("connect", () => resolve(true));
      socket.on("error", () => resolve(false));
    });
    socket.destroy();
    if (up) return;
  }
}
