/**
 * A page with scripts and images, loaded through the proxy by headless Chromium; CORS with a preflight, as the browser judges it; and
 * what pages of other origins get from the admin address.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";

const EXECUTABLE = "/usr/bin/chromium";
/** A picture of one red pixel. */
const PIXEL = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==", "base64");
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // What DNS rebinding brings about: a page's own name leads to loopback.
  "--host-resolver-rules=MAP rebound.test 127.0.0.1",
];

describe("headless Chromium", { skip: existsSync(EXECUTABLE) ? false : "chromium is not installed: apt-get install chromium" }, () => {
  let origin: http.Server;
  let page: Millrace;
  let api: Millrace;
  let browser: Browser;
  const seen: string[] = [];

  before(async () => {
    origin = http.createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      const images = Array.from({ length: 20 }, (_, index) => `<img src="/image/${index}.png">`).join("");
      switch (true) {
        case request.url === "/":
          response.setHeader("content-type", "text/html");
          return response.end(`<!doctype html><title>behind</title>${images}<script src="/script.js"></script>`);
        case request.url === "/script.js":
          response.setHeader("content-type", "text/javascript");
          return response.end("document.title = 'through the proxy';");
        case request.url?.startsWith("/image/"):
          response.setHeader("content-type", "image/png");
          return response.end(PIXEL);
        case request.url === "/api/item":
          // An origin with CORS fields of its own: the proxy's replace them, doubled ones would fail in the browser.
          response.setHeader("access-control-allow-origin", "https://elsewhere.test");
          response.setHeader("x-total", "42");
          return response.end(JSON.stringify({ method: request.method }));
        default:
          response.statusCode = 404;
          return response.end();
      }
    });
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    const { port } = origin.address() as AddressInfo;
    const upstreams = `upstreams: { app: { endpoints: ["http://127.0.0.1:${port}"] } }`;
    page = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
${upstreams}
routes: [{ upstream: app }]
admin: { address: "127.0.0.1:0" }
`);
    api = await startMillrace(
      `
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
${upstreams}
routes:
  - match: { path: /api/* }
    cors:
      allowed_origins: ["http://127.0.0.1:${page.port}"]
      allowed_methods: [GET, PUT]
      allowed_headers: [Content-Type, X-Custom]
      exposed_headers: [X-Total]
      allow_credentials: true
      max_age: 1m
    authentication: { tokens: [browser-token] }
    upstream: app
`.replace("allowed_headers: [Content-Type, X-Custom]", "allowed_headers: [Content-Type, X-Custom, Authorization]"),
    );
    browser = await chromium.launch({ executablePath: EXECUTABLE, headless: true, args: ARGUMENTS });
  });

  after(async () => {
    await browser.close();
    assert.equal(await page.stop(), 0);
    assert.equal(await api.stop(), 0);
    origin.close();
  });

  test("loads the page with its script and every image", async () => {
    const tab = await browser.newPage();
    const failures: string[] = [];
    tab.on("requestfailed", (request) => failures.push(request.url()));
    await tab.goto(`http://127.0.0.1:${page.port}/`, { waitUntil: "load" });
    assert.equal(await tab.title(), "through the proxy");
    const widths = await tab.$$eval("img", (images) => images.map((image) => image.naturalWidth));
    assert.deepEqual(
      widths,
      Array.from({ length: 20 }, () => 1),
    );
    assert.deepEqual(failures, []);
    await tab.close();
  });

  test("sends a preflight that the proxy answers, and may then read the answer and the exposed field", async () => {
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${page.port}/`);
    const before = seen.length;
    const result = await tab.evaluate(async (url) => {
      const response = await fetch(url, {
        method: "PUT",
        credentials: "include",
        headers: { "content-type": "application/json", "x-custom": "1", authorization: "Bearer browser-token" },
        body: "{}",
      });
      return { status: response.status, body: await response.text(), total: response.headers.get("x-total") };
    }, `http://127.0.0.1:${api.port}/api/item`);
    assert.deepEqual(result, { status: 200, body: '{"method":"PUT"}', total: "42" });
    assert.deepEqual(seen.slice(before), ["PUT /api/item"], "the preflight did not reach the origin");
    await tab.close();
  });

  test("keeps pages of other origins, ports and rebound names from the admin address", async () => {
    const admin = `http://127.0.0.1:${page.adminPort}`;
    const tab = await browser.newPage();
    const read = (url: string, mode: "cors" | "no-cors" | "same-origin"): Promise<string> =>
      tab.evaluate(
        ([to, how]) =>
          fetch(to, { mode: how }).then(
            async (response) => `${response.type} ${response.status} ${(await response.text()).slice(0, 12)}`,
            () => "blocked",
          ),
        [url, mode] as const,
      );
    for (const from of [`http://127.0.0.1:${page.port}/`, `http://rebound.test:${page.port}/`]) {
      await tab.goto(from);
      for (const path of ["/status", "/metrics"]) {
        assert.equal(await read(admin + path, "cors"), "blocked", from);
        assert.equal(await read(admin + path, "no-cors"), "blocked", "the answer's Cross-Origin-Resource-Policy");
      }
    }
    const rebound = `http://rebound.test:${page.adminPort}`;
    await tab.goto(`${rebound}/healthz`);
    assert.match(await read(`${rebound}/status`, "same-origin"), /^basic 403 this Host is/);
    assert.match(await read(`${rebound}/metrics`, "same-origin"), /^basic 403 this Host is/);
    // The address's own pages, and whoever types it, may.
    const typed = await tab.goto(`${admin}/status`);
    assert.equal(typed?.status(), 200);
    assert.match(await read(`${admin}/metrics`, "same-origin"), /^basic 200 # HELP/);
    await tab.close();
  });

  test("may read a 401, and is refused a method that is not allowed", async () => {
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${page.port}/`);
    const url = `http://127.0.0.1:${api.port}/api/item`;
    assert.equal(await tab.evaluate(async (to) => (await fetch(to, { credentials: "include" })).status, url), 401);
    const refused = await tab.evaluate(
      (to) =>
        fetch(to, { method: "DELETE" }).then(
          () => "answered",
          () => "blocked",
        ),
      url,
    );
    assert.equal(refused, "blocked");
    await tab.close();
  });
});
