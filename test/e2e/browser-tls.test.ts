/**
 * Headless Chromium over TLS, with no certificate error ignored: it follows a redirect to https, obeys HSTS, speaks WebSocket, and shows a client certificate
 * where one is asked for.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { after, before, describe, test } from "node:test";
import { TestAuthority, temporaryFiles } from "../support/certificates.ts";
import type { TestCertificate } from "../support/certificates.ts";
import { launchTrusting, mayMount, missingChromium } from "../support/chromium-tls.ts";
import type { ChromiumOptions, TrustingChromium } from "../support/chromium-tls.ts";
import { freePort } from "../support/free-port.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";

describe("headless Chromium over TLS", { skip: missingChromium() }, () => {
  let origin: http.Server;
  let proxy: Millrace;
  let securePort = 0;
  let chromium: TrustingChromium;
  let options: ChromiumOptions;
  let client: TestCertificate;

  before(async () => {
    origin = http.createServer((request, response) => {
      response.setHeader("Content-Type", "text/html");
      response.end(
        `<!doctype html><title>${String(request.headers["x-forwarded-proto"])}</title>${request.headers["client-cert"] ?? "no certificate"}`,
      );
    });
    origin.on("upgrade", echo);
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");

    const root = await TestAuthority.create();
    // Chromium finds fault with certificates that are valid for more than 398 days.
    const [open, closed, other] = [await root.issue(["site.test"]), await root.issue(["closed.test"]), await TestAuthority.create()];
    const unknown = await other.issue(["unknown.test"]);
    client = await root.client("CN=alice");
    const files = temporaryFiles(
      { after },
      {
        "open.pem": open.chain,
        "open.key": open.key,
        "closed.pem": closed.chain,
        "closed.key": closed.key,
        "unknown.pem": unknown.chain,
        "unknown.key": unknown.key,
        "ca.pem": root.certificate,
      },
    );
    const [plain, secure] = [await freePort(), await freePort()];
    securePort = secure;
    proxy = await startMillrace(`
listeners:
  - { address: "127.0.0.1:${plain}", redirect_to_https: true }
  - address: "127.0.0.1:${secure}"
    tls:
      certificates:
        - { cert_file: "${files["open.pem"]}", key_file: "${files["open.key"]}" }
        - { cert_file: "${files["unknown.pem"]}", key_file: "${files["unknown.key"]}" }
        - cert_file: "${files["closed.pem"]}"
          key_file: "${files["closed.key"]}"
          client_certificates: { mode: required, ca_file: "${files["ca.pem"]}", forward: Client-Cert }
workers: 2
upstreams: { app: { endpoints: ["http://127.0.0.1:${(origin.address() as AddressInfo).port}"] } }
routes: [{ upstream: app, security_headers: standard }]
`);
    const names = ["site.test", "closed.test", "unknown.test"];
    const hosts = names.flatMap((name) => [`MAP ${name}:80 127.0.0.1:${plain}`, `MAP ${name} 127.0.0.1:${secure}`]);
    options = { authority: root.certificate, hosts };
    chromium = await launchTrusting(options);
  });

  after(async () => {
    await chromium.close();
    assert.equal(await proxy.stop(), 0);
    origin.close();
    origin.closeAllConnections();
  });

  const redirects = (): number => proxy.access().filter(({ outcome }) => outcome === "redirect_to_https").length;

  test("follows the redirect to https, and asks by https from then on: HSTS", async () => {
    const tab = await chromium.browser.newPage();
    const response = await tab.goto("http://site.test/first");
    assert.equal(response?.status(), 200);
    // To the port of the listener with TLS.
    assert.equal(tab.url(), `https://site.test:${securePort}/first`);
    assert.equal(await tab.title(), "https");
    assert.match(response.headers()["strict-transport-security"] ?? "", /max-age=31536000/);
    const security = await response.securityDetails();
    assert.deepEqual([security?.protocol, security?.subjectName], ["TLS 1.3", "site.test"]);
    await proxy.until(() => redirects() === 1, "the redirect in the log");
    const second = await tab.goto("http://site.test/second");
    assert.equal(tab.url(), "https://site.test/second");
    // Chromium itself has made this redirect.
    assert.equal((await second?.request().redirectedFrom()?.response())?.status(), 307);
    await proxy.until(() => proxy.access().some(({ path }) => path === "/second"), "the second request in the log");
    assert.equal(redirects(), 1);
    await tab.close();
  });

  test("takes no certificate of an authority that it does not know", async () => {
    const tab = await chromium.browser.newPage();
    await assert.rejects(tab.goto("https://unknown.test/"), /ERR_CERT_AUTHORITY_INVALID/);
    await tab.close();
  });

  test("speaks WebSocket over TLS", async () => {
    const tab = await chromium.browser.newPage();
    await tab.goto("https://site.test/");
    const heard = await tab.evaluate(
      () =>
        new Promise<string>((resolve) => {
          const socket = new WebSocket("wss://site.test/socket");
          socket.addEventListener("open", () => socket.send("over TLS"));
          socket.addEventListener("message", ({ data }) => {
            socket.addEventListener("close", ({ code }) => resolve(`${String(data)} ${code}`));
            socket.close(1000);
          });
          socket.addEventListener("error", () => resolve("an error"));
        }),
    );
    assert.equal(heard, "over TLS 1000");
    await tab.close();
  });

  test("without a certificate is refused where one is required", async () => {
    const tab = await chromium.browser.newPage();
    // The alert that says why may be lost: the request is under way, and the connection is closed before it has been read.
    await assert.rejects(tab.goto("https://closed.test/"), /ERR_BAD_SSL_CLIENT_AUTH_CERT|ERR_SOCKET_NOT_CONNECTED|ERR_CONNECTION_/);
    await tab.close();
  });

  test(
    "shows its certificate to the name that asks for one, and to no other",
    { skip: mayMount() ? false : "a policy cannot be mounted for one process: this needs the right to mount" },
    async () => {
      const { browser, close } = await launchTrusting({ ...options, client });
      const tab = await browser.newPage();
      await tab.goto("https://closed.test/");
      assert.match((await tab.textContent("body")) ?? "", /^:[A-Za-z0-9+/]+=*:$/);
      await tab.goto("https://site.test/");
      assert.equal(await tab.textContent("body"), "no certificate");
      await close();
    },
  );
});

/** A WebSocket that sends back each short frame, the closing one included. */
function echo(request: http.IncomingMessage, socket: Duplex): void {
  const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.on("error", () => {});
  let received = Buffer.alloc(0);
  socket.on("data", (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    for (;;) {
      const length = (received[1] ?? 0) & 0x7f;
      // Head, mask and payload.
      const end = 6 + length;
      if (received.length < end) return;
      const mask = received.subarray(2, 6);
      const payload = received.subarray(6, end).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
      socket.write(Buffer.concat([Buffer.from([received[0] ?? 0, length]), payload]));
      if (((received[0] ?? 0) & 0x0f) === 8) socket.end();
      received = received.subarray(end);
    }
  });
}
