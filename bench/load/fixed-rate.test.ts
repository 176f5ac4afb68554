import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Processes, freePort } from "../processes.ts";
import { FixedRate, parseFixedRate } from "./fixed-rate.ts";

const LOAD = { requests: 10, requestsPerSecond: 5, p50: 1, p99: 2, p999: 3, longest: 4, errors: 0, unsent: 0 };
/** Length of a load and of its trial. */
const SECONDS = 0.5;

test("a report has the whole and its intervals", () => {
  const report = { whole: { ...LOAD, errors: 2 }, intervals: [LOAD, LOAD] };
  assert.deepEqual(parseFixedRate(JSON.stringify(report)), report);
});

test("a report that lacks a number is quoted in the error", () => {
  assert.throws(() => parseFixedRate('{"whole":{"requests":1}}'), /the load said: \{"whole":\{"requests":1\}\}/);
  for (const report of [
    "",
    "null",
    '{"error":"refused"}',
    JSON.stringify({ whole: LOAD }),
    JSON.stringify({ whole: LOAD, intervals: [] }),
  ]) {
    assert.throws(() => parseFixedRate(report), /the load said/, report);
  }
});

// taskset pins the program: Linux.
test("a server that is slower than the rate is reported soon after the end", { skip: process.platform !== "linux" }, async (t) => {
  // One connection whose answers take 40 ms: 25 requests a second.
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => setTimeout(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), 40));
  });
  const { load, port } = await started(t, server, 1);
  const began = performance.now();
  const { whole } = await load.on(port, SECONDS);
  assert.ok(performance.now() - began < 3000, "it does not catch up for seconds");
  assert.ok((whole.unsent ?? 0) > 50, `${whole.unsent} of 100 were not sent`);
  assert.equal(whole.errors, 0);
  assert.ok(whole.requests + (whole.unsent ?? 0) === 100);
});

test("the rate is kept although an answer ends its connection", { skip: process.platform !== "linux" }, async (t) => {
  let asked = 0;
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      for (const _ of chunk.toString().matchAll(/\r\n\r\n/g)) {
        const last = ++asked % 50 === 0;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${last ? "Connection: close\r\n" : ""}\r\nok`);
        if (last) socket.end();
      }
    });
  });
  const { load, port } = await started(t, server, 4);
  assert.equal(asked, 100, "the trial");
  await assert.rejects(load.on(await freePort(), SECONDS), /the load said: .*ECONNREFUSED/, "one that is not there is no end of the load");
  const { whole, intervals } = await load.on(port, SECONDS, SECONDS / 2);
  assert.equal(asked, 200);
  assert.equal(intervals.length, 2);
  assert.deepEqual([whole.requests, whole.requestsPerSecond, whole.errors], [100, 200, 0]);
  assert.equal(
    intervals.reduce((sum, { requests }) => sum + requests, 0),
    100,
  );
  assert.equal(Math.max(...intervals.map(({ longest }) => longest)), whole.longest);
});

/** Starts a load of 200 requests per second that has tried itself on the server. Both are ended after the test. */
async function started(t: TestContext, server: net.Server, connections: number): Promise<{ load: FixedRate; port: number }> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const processes = new Processes();
  t.after(async () => {
    await processes.endAll();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const { port } = address;
  return { load: await FixedRate.start(processes, "0-1023", port, { rate: 200, connections }, SECONDS), port };
}
