/** The rows of docs/migrating/haproxy.md, asked of a real HAProxy: what the page promises of Millrace must be what HAProxy does with the left cell. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { HAPROXY_TRIALS, HAPROXY_VALUES } from "../migrating/haproxy-trials.ts";
import { DEFAULTS, fileOf, section, sectionsOf } from "../migrating/haproxy-sections.ts";
import { TestAuthority, temporaryFiles } from "../support/certificates.ts";
import { rowsOf } from "../support/migration-rows.ts";
import { compare } from "../support/migration-trial.ts";
import { RowOrigins, freePorts } from "../support/row-origins.ts";

const installed = spawnSync("haproxy", ["-v"], { stdio: "ignore" }).status === 0;
const ROWS = rowsOf("haproxy").filter(({ theirs }) => HAPROXY_TRIALS[theirs] !== undefined);
const OTHERS = rowsOf("haproxy").filter(({ theirs }) => HAPROXY_VALUES[theirs] !== undefined);

describe("rows of the page about HAProxy", { skip: installed ? false : "haproxy is not installed: apt-get install haproxy" }, () => {
  const origins = new RowOrigins();
  const ports: number[] = [];
  const cleanUps: (() => void)[] = [];
  let folder = "";
  let haproxy: ChildProcess | undefined;

  before(async () => {
    const named = await origins.start();
    const authority = await TestAuthority.create();
    const [site, me] = [await authority.issue(["app.test"]), await authority.client("CN=me")];
    ({ folder } = temporaryFiles(
      { after: (done) => cleanUps.push(done) },
      {
        "site.pem": site.chain + site.key,
        "me.pem": me.chain + me.key,
        "ca.pem": authority.certificate,
        "crl.pem": await authority.crl([]),
        keys: [1, 2, 3].map(() => `${randomBytes(48).toString("base64")}\n`).join(""),
        "503.http": "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
      },
    ));
    ports.push(...(await freePorts(ROWS.length)));
    const file = path.join(folder, "haproxy.cfg");
    const rows = ROWS.map((row, index) => sectionsOf(row, index, ports[index] ?? 0, named.app, folder));
    writeFileSync(file, `${DEFAULTS}${rows.join("")}${section("backend next", [`server a ${named.next}`])}`);
    const child = spawn("haproxy", ["-db", "-f", file], { stdio: ["ignore", "ignore", "pipe"] });
    haproxy = child;
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (each: string) => (said += each));
    const limit = Date.now() + 10_000;
    for (;;) {
      assert.ok(child.exitCode === null && Date.now() < limit, said);
      const up = await origins.ask(ports[0] ?? 0, { ask: "GET /" }).then(
        () => true,
        () => false,
      );
      if (up) return;
    }
  });

  after(() => {
    haproxy?.kill("SIGTERM");
    origins.close();
    for (const cleanUp of cleanUps) cleanUp();
  });

  for (const [index, row] of ROWS.entries()) {
    test(`${row.page}:${row.line} ${row.theirs}`, async () => {
      for (const trial of HAPROXY_TRIALS[row.theirs] ?? []) {
        if (trial.onlyOurs === true) continue;
        const sent = Object.entries(trial.sent ?? {}).map(([name, value]) => [name, value === "CLIENT" ? "127.0.0.1" : value]);
        const what = `${row.page}:${row.line}: ${trial.ask}`;
        compare({ ...trial, sent: Object.fromEntries(sent) }, await origins.ask(ports[index] ?? 0, trial), what);
      }
    });
  }

  for (const row of OTHERS) {
    test(`${row.page}:${row.line} HAProxy reads: ${row.theirs}`, () => {
      const file = path.join(folder, "row.cfg");
      writeFileSync(file, fileOf(row, folder));
      const { status, stderr, stdout } = spawnSync("haproxy", ["-c", "-f", file], { encoding: "utf8", cwd: folder });
      assert.equal(status, 0, stderr + stdout);
    });
  }
});
