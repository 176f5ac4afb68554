/** A log output that does not keep up: it costs lines, which are counted and told of, and nothing else. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import { RawClient, get } from "./support/raw-client.ts";
import { Scrape } from "./support/scrape.ts";

const skip = spawnSync("mkfifo", ["--version"]).error === undefined ? false : "there is no mkfifo";

test("a reader that stops reading: requests go on, and every line is written or counted", { skip, timeout: 60_000 }, async (t) => {
  const folder = fs.mkdtempSync(path.join(tmpdir(), "millrace-log-"));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const pipe = path.join(folder, "pipe");
  assert.equal(spawnSync("mkfifo", [pipe]).status, 0);
  const reader = fs.openSync(pipe, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  t.after(() => fs.closeSync(reader));
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
  let text = "";
  const chunk = Buffer.alloc(1 << 16);
  await reached(() => {
    try {
      for (let bytes = -1; bytes !== 0;) text += chunk.toString("latin1", 0, (bytes = fs.readSync(reader, chunk)));
    } catch {
      // Nothing more for now.
    }
    return count(text, '"event":"access"') + dropped(text) === 50 * batches;
  });
  assert.ok(dropped(text) > 0);
  assert.equal((await Scrape.of(proxy.adminPort)).single("access_log_dropped_lines"), dropped(text));
  for (const line of text.trimEnd().split("\n")) assert.doesNotThrow(() => JSON.parse(line), line);
});

/** What the log says of itself. */
function dropped(text: string): number {
  return Number(/"level":"warn",.*"event":"log_lines_dropped","lines":(\d+),/.exec(text)?.[1] ?? 0);
}

function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** Waits for what another process does. */
async function reached(condition: () => boolean | Promise<boolean>): Promise<void> {
  const limit = Date.now() + 20_000;
  while (!(await condition())) {
    assert.ok(Date.now() < limit, "never happened");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
