/**
 * A log output that does not keep up: it costs lines, which are counted and told of, and nothing else. One that a reload changes costs none.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { eventually } from "./support/eventually.ts";
import { startMillrace } from "./support/millrace.ts";
import { Printed } from "./support/printed.ts";
import { RawClient, get } from "./support/raw-client.ts";
import { Scrape } from "./support/scrape.ts";

const skip = spawnSync("mkfifo", ["--version"]).error === undefined ? false : "there is no mkfifo";

test("a reader that stops reading: requests go on, and every line is written or counted", { skip, timeout: 60_000 }, async (t) => {
  const folder = fs.mkdtempSync(path.join(tmpdir(), "millrace-log-"));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const pipe = path.join(folder, "pipe");
  assert.equal(spawnSync("mkfifo", [pipe]).status, 0);
  const reader = fs.openSync(pipe, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  let stream: net.Socket | null = null;
  t.after(() => (stream === null ? fs.closeSync(reader) : stream.destroy()));
  const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["http://127.0.0.1:1"] } }
routes: [{ match: { path: /somewhere-else }, upstream: app }]
logging: { output: "${pipe}" }
admin: { address: "127.0.0.1:0" }
`);
  t.after(() => proxy.stop());

  // Some 400 bytes a line: more than the ring of a worker and the pipe hold together.
  const batch = get(`/${"x".repeat(200)}`, [], `${"y".repeat(60)}.test`).repeat(50);
  const batches = 200;
  const client = await RawClient.connect(proxy.port);
  t.after(() => client.destroy());
  for (let sent = 0; sent < batches; sent++) {
    client.received = "";
    client.send(batch);
    await client.until(({ received }) => received.split("HTTP/1.1 404 ").length === 51, "answers to a whole batch");
  }
  let look = (): void => {};
  const printed = new Printed(() => look());
  const dropped = (): number => Number(printed.events("log_lines_dropped")[0]?.["lines"] ?? 0);
  stream = new net.Socket({ fd: reader, readable: true, writable: false });
  printed.read(stream);
  const subscribe = (again: () => void): (() => void) => {
    look = again;
    return () => (look = () => {});
  };
  const lines = (): number => printed.events("access").length + dropped();
  await eventually(
    () => lines() === 50 * batches,
    subscribe,
    20_000,
    () => `${lines()} lines were written or dropped`,
  );
  assert.ok(dropped() > 0);
  assert.equal(printed.events("log_lines_dropped")[0]?.["level"], "warn");
  assert.equal((await Scrape.of(proxy.adminPort)).single("access_log_dropped_lines"), dropped());
  for (const line of printed.text.trimEnd().split("\n")) assert.doesNotThrow(() => JSON.parse(line), line);
});

test("a reload moves the log to another output without losing a line, or is refused", { timeout: 60_000 }, async (t) => {
  const folder = fs.mkdtempSync(path.join(tmpdir(), "millrace-log-"));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const files = ["a.log", "b.log"].map((name) => path.join(folder, name));
  const config = (output: string): string => `
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams: { app: { endpoints: ["http://127.0.0.1:1"] } }
routes: [{ match: { path: /somewhere-else }, upstream: app }]
logging: { output: "${output}" }
admin: { address: "127.0.0.1:0" }
`;
  const proxy = await startMillrace(config(files[0] ?? ""));
  t.after(() => proxy.stop());
  let stopped = false;
  const load = Array.from({ length: 4 }, async () => {
    const client = await RawClient.connect(proxy.port);
    let count = 0;
    while (!stopped) {
      client.received = "";
      client.send(get("/").repeat(20));
      await client.responses(20);
      count += 20;
    }
    client.destroy();
    return count;
  });
  const outputs = [files[1], "stdout", files[0], files[1], "stderr", files[0], "stdout"];
  for (const [round, output = ""] of outputs.entries()) {
    fs.writeFileSync(proxy.configFile, config(output));
    proxy.process.kill("SIGHUP");
    await Scrape.until(proxy.adminPort, (scrape) => scrape.single("config_generation") === round + 2, `reload ${round}`);
  }
  fs.writeFileSync(proxy.configFile, config(path.join(folder, "missing", "c.log")));
  proxy.process.kill("SIGHUP");
  await proxy.until((output) => output.includes("the old configuration stays in use"), "the refusal");
  assert.match(proxy.output(), /logging\.output: cannot open the log file [^"]*\/missing\/c\.log: its folder does not exist \(ENOENT\)/);
  stopped = true;
  const asked = (await Promise.all(load)).reduce((sum, count) => sum + count, 0);
  assert.equal(await proxy.stop(), 0);
  const texts = [proxy.output(), ...files.map((file) => fs.readFileSync(file, "utf8"))];
  const lines = texts.flatMap((text) => text.split("\n").filter((line) => line.startsWith("{")));
  const records = lines.map((line): Record<string, unknown> => JSON.parse(line));
  const events = (name: string): number => records.filter(({ event }) => event === name).length;
  assert.deepEqual([events("access"), events("config_reloaded"), events("starting"), events("stopped")], [asked, outputs.length, 1, 1]);
  for (const text of texts.slice(1)) assert.ok(text.includes('"event":"access"') && text.endsWith("}\n"));
});
