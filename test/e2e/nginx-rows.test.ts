/** The rows of docs/migrating/nginx.md, asked of a real nginx: what the page promises of Millrace must be what nginx does with the left cell. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { NGINX_TRIALS } from "../migrating/nginx-trials.ts";
import { outsideOf, serverOf } from "../migrating/nginx-server.ts";
import { freePort } from "../support/free-port.ts";
import { blocksOf, pagesForReaders, placeOf } from "../support/page-blocks.ts";
import { rowsOf } from "../support/migration-rows.ts";
import { FILES, SWITCH, answerOf, compare } from "../support/migration-trial.ts";
import type { Outcome, Trial } from "../support/migration-trial.ts";

const installed = spawnSync("nginx", ["-v"], { stdio: "ignore" }).status === 0;
const ROWS = rowsOf("nginx").filter(({ kind, theirs }) => (kind === "route" || kind === "routes") && NGINX_TRIALS[theirs] !== undefined);

describe("rows of the page about nginx", { skip: installed ? false : "nginx is not installed: apt-get install nginx" }, () => {
  const origins: http.Server[] = [];
  const ports: number[] = [];
  let received: { readonly line: string; readonly headers: Headers } | null = null;
  let folder = "";
  let nginx: ChildProcess;

  before(async () => {
    const upstreams = [];
    for (const name of ["app", "next"]) {
      const origin = http.createServer(async (request, response) => {
        received = { line: `${request.method ?? ""} ${request.url ?? ""}`, headers: new Headers(flat(request.headers)) };
        await text(request);
        if (request.url === "/stalls") return;
        const { status, fields, body } = answerOf(new URL(request.url ?? "", "http://a").pathname, name);
        response.writeHead(status, fields).end(body);
      });
      origin.on("upgrade", (_request, socket) => socket.write(SWITCH));
      origin.listen(0, "127.0.0.1");
      await once(origin, "listening");
      origins.push(origin);
      upstreams.push(`upstream ${name} { server 127.0.0.1:${(origin.address() as AddressInfo).port}; }`);
    }
    // A port that nobody holds may be given out twice.
    const free = new Set<number>();
    while (free.size < ROWS.length) free.add(await freePort());
    ports.push(...free);
    folder = mkdtempSync(path.join(tmpdir(), "millrace-nginx-rows-"));
    const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`);
    for (const [name, content] of Object.entries(FILES)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), content);
    }
    // nginx started by root reads the files as another user.
    chmodSync(folder, 0o755);
    const servers = ROWS.map((row, index) => serverOf(row, `127.0.0.1:${ports[index] ?? 0}`, folder));
    writeFileSync(
      path.join(folder, "nginx.conf"),
      `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 256; }
http { access_log off; types { text/html html; application/javascript js; } ${places.join(" ")}
${upstreams.join("\n")}
${ROWS.map(outsideOf).join("\n")}
${servers.join("\n")} }
`,
    );
    nginx = spawn("nginx", ["-p", folder, "-c", path.join(folder, "nginx.conf")], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    nginx.stderr?.setEncoding("utf8").on("data", (each: string) => (said += each));
    const limit = Date.now() + 10_000;
    for (;;) {
      assert.ok(nginx.exitCode === null && Date.now() < limit, said);
      const up = await ask(ports[0] ?? 0, { ask: "GET /" }).then(
        () => true,
        () => false,
      );
      if (up) return;
    }
  });

  after(() => {
    nginx.kill("SIGTERM");
    for (const origin of origins) {
      origin.close();
      origin.closeAllConnections();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  async function ask(port: number, trial: Trial): Promise<Outcome> {
    const [method = "", target = ""] = trial.ask.split(" ");
    let outcome: Outcome | null = null;
    for (let time = 0; time < (trial.times ?? 1); time++) {
      received = null;
      const upgrade =
        trial.upgrade === true
          ? { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" }
          : {};
      const length = trial.body === undefined ? {} : { "Content-Length": trial.body.length };
      const headers = { Host: "client.example", ...trial.fields, ...upgrade, ...length };
      const request = http.request({
        host: "127.0.0.1",
        port,
        method,
        path: target,
        headers,
        agent: false,
        signal: AbortSignal.timeout(10_000),
      });
      request.end(trial.body);
      if (trial.upgrade === true) {
        const [response, socket] = (await once(request, "upgrade")) as [http.IncomingMessage, { destroy(): void }];
        socket.destroy();
        return { status: response.statusCode ?? 0, answer: new Headers(), text: "", request: null };
      }
      const [response] = (await once(request, "response")) as [http.IncomingMessage];
      const body = await text(response);
      outcome = { status: response.statusCode ?? 0, answer: new Headers(flat(response.headers)), text: body, request: received };
    }
    return outcome ?? assert.fail("nothing was asked");
  }

  test("nginx reads the blocks of pages that are written for it", () => {
    const blocks = pagesForReaders()
      .flatMap(blocksOf)
      .filter(({ language }) => language === "nginx");
    assert.ok(blocks.length > 0);
    for (const block of blocks) {
      const file = path.join(folder, "block.conf");
      const inside = block.marks.includes("server") ? `server { listen 127.0.0.1:8080; ${block.text} }` : block.text;
      writeFileSync(file, `pid ${folder}/block.pid; error_log ${folder}/error.log; events {} http { ${inside} }\n`);
      const { status, stderr } = spawnSync("nginx", ["-t", "-p", folder, "-c", file], { encoding: "utf8" });
      assert.equal(status, 0, `${placeOf(block)}: ${stderr}`);
    }
  });

  for (const [index, row] of ROWS.entries()) {
    test(`${row.page}:${row.line} ${row.theirs}`, async () => {
      for (const trial of NGINX_TRIALS[row.theirs] ?? []) {
        if (trial.onlyOurs === true) continue;
        const sent = Object.entries(trial.sent ?? {}).map(([name, value]) => [name, value === "CLIENT" ? "127.0.0.1" : value]);
        compare({ ...trial, sent: Object.fromEntries(sent) }, await ask(ports[index] ?? 0, trial), `${row.page}:${row.line}: ${trial.ask}`);
      }
    });
  }
});

function flat(headers: http.IncomingHttpHeaders): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each): [string, string] => [name, each]),
  );
}
