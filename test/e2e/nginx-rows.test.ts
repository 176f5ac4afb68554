/** The rows of docs/migrating/nginx.md, asked of a real nginx: what the page promises of Millrace must be what nginx does with the left cell. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { NGINX_TRIALS } from "../migrating/nginx-trials.ts";
import { outsideOf, serverOf } from "../migrating/nginx-server.ts";
import { blocksOf, pagesForReaders, placeOf } from "../support/page-blocks.ts";
import { rowsOf } from "../support/migration-rows.ts";
import { FILES, compare } from "../support/migration-trial.ts";
import { RowOrigins, freePorts } from "../support/row-origins.ts";

const installed = spawnSync("nginx", ["-v"], { stdio: "ignore" }).status === 0;
const ROWS = rowsOf("nginx").filter(({ kind, theirs }) => (kind === "route" || kind === "routes") && NGINX_TRIALS[theirs] !== undefined);

describe("rows of the page about nginx", { skip: installed ? false : "nginx is not installed: apt-get install nginx" }, () => {
  const origins = new RowOrigins();
  const ports: number[] = [];
  let folder = "";
  let nginx: ChildProcess;

  before(async () => {
    const named = await origins.start();
    const upstreams = Object.entries(named).map(([name, address]) => `upstream ${name} { server ${address}; }`);
    ports.push(...(await freePorts(ROWS.length)));
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
      const up = await origins.ask(ports[0] ?? 0, { ask: "GET /" }).then(
        () => true,
        () => false,
      );
      if (up) return;
    }
  });

  after(() => {
    nginx.kill("SIGTERM");
    origins.close();
    rmSync(folder, { recursive: true, force: true });
  });

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
        compare(
          { ...trial, sent: Object.fromEntries(sent) },
          await origins.ask(ports[index] ?? 0, trial),
          `${row.page}:${row.line}: ${trial.ask}`,
        );
      }
    });
  }
});
