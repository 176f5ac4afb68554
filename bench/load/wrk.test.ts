import assert from "node:assert/strict";
import { test } from "node:test";
import { REQUEST_FIELDS, parseWrk } from "./wrk.ts";

const REPORT = `Running 4s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.62ms    1.10ms  24.30ms   96.10%
    Req/Sec    41.01k     2.14k   44.97k    82.50%
  Latency Distribution
     50%  985.00us
     75%    1.60ms
     90%    1.93ms
     99%    1.02s 
  163280 requests in 4.00s, 55.12MB read
Requests/sec:  40811.42
Transfer/sec:     13.78MB
p99.9 3210 us
longest 24300 us
`;

test("the report's numbers, in requests and milliseconds", () => {
  const expected = { requests: 163_280, requestsPerSecond: 40_811.42, p50: 0.985, p99: 1020, p999: 3.21, longest: 24.3, errors: 0 };
  assert.deepEqual(parseWrk(REPORT), expected);
});

test("every kind of error counts", () => {
  const errors = "  Socket errors: connect 1, read 20, write 300, timeout 4000\n  Non-2xx or 3xx responses: 50000\n";
  assert.equal(parseWrk(REPORT.replace("Requests/sec", `${errors}Requests/sec`)).errors, 54_321);
});

test("a text that is not a report is quoted in the error", () => {
  assert.throws(() => parseWrk("unable to connect to 127.0.0.1:1 Connection refused"), /unable to connect/);
  assert.throws(() => parseWrk(REPORT.replace("p99.9", "p98.9")), /wrk said/);
});

test("the request is a browser's in size", () => {
  const bytes = REQUEST_FIELDS.join("\r\n").length + "GET /catalogue/items/4711?colour=blue HTTP/1.1\r\nHost: bench.test\r\n\r\n".length;
  assert.ok(bytes > 850 && bytes < 1100, `${bytes} bytes`);
});
