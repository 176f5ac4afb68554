import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { Processes } from "../processes.ts";
import { fixedRateCommand, parseFixedRate } from "./fixed-rate.ts";

const LOAD = { requests: 10, requestsPerSecond: 5, p50: 1, p99: 2, p999: 3, longest: 4, errors: 0, unsent: 0 };

test("a result per line, the last one for all", () => {
  const whole = { ...LOAD, errors: 2 };
  assert.deepEqual(parseFixedRate([LOAD, LOAD, whole].map((load) => JSON.stringify(load)).join("\n")), { whole, intervals: [LOAD, LOAD] });
});

test("what lacks a number is quoted", () => {
  assert.throws(() => parseFixedRate('{"requests":1}'), /the load said: \{"requests":1\}/);
  assert.throws(() => parseFixedRate(""), /the load said/);
  assert.throws(() => parseFixedRate(JSON.stringify(LOAD)), /the load said/);
});

// taskset pins the program: Linux.
test("it keeps its rate, over an answer that ends its connection, too", { skip: process.platform !== "linux" }, async (t) => {
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
  await once(server.listen(0, "127.0.0.1"), "listening");
  const processes = new Processes();
  t.after(async () => {
    await processes.endAll();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const settings = { rate: 200, seconds: 1, connections: 4, intervalSeconds: 0.5, trialPort: address.port };
  const { whole, intervals } = parseFixedRate(await processes.run(fixedRateCommand(address.port, settings), "0-1023"));
  // The trial's are asked and not told of.
  assert.equal(asked, 400);
  assert.equal(intervals.length, 2);
  assert.deepEqual([whole.requests, whole.requestsPerSecond, whole.errors], [200, 200, 0]);
  assert.equal(
    intervals.reduce((sum, { requests }) => sum + requests, 0),
    200,
  );
  assert.equal(Math.max(...intervals.map(({ longest }) => longest)), whole.longest);
});
