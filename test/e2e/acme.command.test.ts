/** Certificates over ACME as a whole: the real command, a real authority (Debian's `pebble`) with its faults switched on, and clients that trust it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import type { TestContext } from "node:test";
import tls from "node:tls";
import { freePort } from "../support/free-port.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { millrace, reached } from "../support/run-command.ts";
import { startPebble, whyNoPebble } from "../support/pebble.ts";
import type { Pebble, PebbleWish } from "../support/pebble.ts";

const missing = whyNoPebble();
const FAULTS = { PEBBLE_WFE_NONCEREJECT: "30", PEBBLE_VA_NOSLEEP: "0", PEBBLE_VA_SLEEPTIME: "2", PEBBLE_AUTHZREUSE: "50" };

interface Stage {
  readonly pebble: Pebble;
  readonly folder: string;
  /** Starts a proxy. @param acme further keys of `acme`, in YAML */
  start(acme: string, ports?: { readonly plain: number; readonly secure: number }): Promise<Millrace>;
}

let origin: http.Server;

async function stage(t: TestContext, wish: PebbleWish = { faults: FAULTS }): Promise<Stage> {
  const pebble = await startPebble(wish);
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-acme-"));
  t.after(async () => {
    await pebble.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  writeFileSync(path.join(folder, "ca.pem"), pebble.ca);
  const start: Stage["start"] = async (acme, ports = { plain: pebble.httpPort, secure: pebble.tlsPort }) => {
    const config = `
listeners:
  - { address: "127.0.0.1:${ports.plain}", redirect_to_https: true }
  - address: "127.0.0.1:${ports.secure}"
    tls:
      acme: { directory: "${pebble.directory}", ca_file: ${folder}/ca.pem, storage: ${folder}/acme, terms_agreed: true, ${acme} }
workers: 2
upstreams: { app: { endpoints: ["http://127.0.0.1:${(origin.address() as AddressInfo).port}"] } }
routes: [{ upstream: app }]
admin: { address: "127.0.0.1:0" }
logging: { level: debug, format: json }
`;
    const proxy = await startAgain(config);
    t.after(() => proxy.stop());
    return proxy;
  };
  return { pebble, folder, start };
}

/** Starts a proxy. Its port was free a moment ago, and may be that of an outgoing connection for a short time. */
async function startAgain(config: string): Promise<Millrace> {
  for (let tries = 0; ; tries++) {
    try {
      return await startMillrace(config);
    } catch (error) {
      if (tries === 10 || !String(error).includes("EADDRINUSE")) throw error;
    }
  }
}

/** The certificate that a client gets, or the error. */
async function handshake(port: number, servername: string, ca: string): Promise<tls.PeerCertificate> {
  const socket = tls.connect({ port, host: "127.0.0.1", servername, ca });
  try {
    await once(socket, "secureConnect");
    return socket.getPeerCertificate();
  } finally {
    socket.destroy();
  }
}

/** Waits until there is a certificate for the name in all workers: a thread learns of it a moment after the log says so. */
async function isServed(port: number, servername: string, ca: string): Promise<void> {
  await reached(async () => {
    const tries = await Promise.allSettled([1, 2, 3, 4].map(() => handshake(port, servername, ca)));
    return tries.every(({ status }) => status === "fulfilled");
  });
}

async function ask(port: number, servername: string, ca: string): Promise<string> {
  const socket = tls.connect({ port, host: "127.0.0.1", servername, ca });
  await once(socket, "secureConnect");
  socket.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe("certificates over ACME", { skip: missing ?? false }, () => {
  before(async () => {
    origin = http.createServer((_request, response) => response.end("origin")).listen(0, "127.0.0.1");
    await once(origin, "listening");
  });
  after(() => {
    origin.close();
    origin.closeAllConnections();
  });

  for (const challenge of ["http-01", "tls-alpn-01"]) {
    test(`are obtained by ${challenge}, served by all workers, and there again after a restart`, async (t) => {
      const { pebble, folder, start } = await stage(t);
      const settings = `challenge: ${challenge}, email: ops@example.com, domains: [a.example.com, [b.example.com, c.example.com]]`;
      const first = await start(settings);
      await first.until(() => first.count("certificate_obtained") === 2, "both certificates");
      const root = await pebble.root();
      await isServed(pebble.tlsPort, "a.example.com", root);
      await isServed(pebble.tlsPort, "b.example.com", root);
      for (let client = 0; client < 8; client++)
        assert.match(await ask(pebble.tlsPort, "a.example.com", root), /^HTTP\/1\.1 200 OK[\s\S]*origin$/);
      assert.equal((await handshake(pebble.tlsPort, "b.example.com", root)).subjectaltname, "DNS:b.example.com, DNS:c.example.com");
      assert.equal(statSync(path.join(folder, "acme")).mode & 0o777, 0o700);
      const metrics = await (await fetch(`http://127.0.0.1:${first.adminPort}/metrics`)).text();
      assert.match(metrics, /^millrace_acme_orders_total\{outcome="obtained"\} 2$/m);
      await first.stop();
      assert.deepEqual(readdirSync(path.join(folder, "acme", "locks")), []);
      assert.deepEqual(readdirSync(path.join(folder, "acme", "challenges")), []);
      const second = await start(settings);
      assert.match(await ask(pebble.tlsPort, "a.example.com", root), /200 OK/);
      await second.stop();
      assert.equal(second.count("certificate_obtained"), 0);
    });
  }

  test("a plain listener redirects everything but challenges", async (t) => {
    const { pebble, start } = await stage(t, {});
    const proxy = await start("challenge: http-01, domains: [a.example.com]");
    await proxy.until(() => proxy.count("certificate_obtained") === 1, "the certificate");
    for (const target of ["/", "/.well-known/acme-challenge/unknown"]) {
      const { status } = await fetch(`http://127.0.0.1:${pebble.httpPort}${target}`, { redirect: "manual" });
      assert.equal(status, 308, target);
    }
  });

  test("a name without a certificate is refused with an alert, and the log and /status say why there is none", async (t) => {
    const { pebble, start } = await stage(t, {});
    const elsewhere = { plain: await freePort(), secure: await freePort() };
    const proxy = await start("challenge: http-01, domains: [a.example.com]", elsewhere);
    await proxy.until(() => proxy.count("certificate_order_failed") === 1, "the failure");
    await assert.rejects(handshake(elsewhere.secure, "a.example.com", await pebble.root()), /unrecognized.name/);
    const status = JSON.parse(await (await fetch(`http://127.0.0.1:${proxy.adminPort}/status`)).text());
    assert.match(status.acme[0].problem, /could not see that a\.example\.com is yours: connection: /);
    assert.match(proxy.output(), /no certificate for a\.example\.com: .*there is none yet, and it is tried again/);
  });

  test("are renewed in time, without a connection that fails", async (t) => {
    const { pebble, start } = await stage(t, { validitySeconds: 12 });
    const proxy = await start("challenge: tls-alpn-01, domains: [a.example.com]");
    await proxy.until(() => proxy.count("certificate_obtained") === 1, "the first certificate");
    const root = await pebble.root();
    await isServed(pebble.tlsPort, "a.example.com", root);
    const serials = new Set<string>();
    const isRenewed = (): boolean => proxy.count("certificate_obtained") === 2;
    // One client comes when the log has told of the one before.
    for (let clients = 0; !isRenewed(); clients++) {
      serials.add((await handshake(pebble.tlsPort, "a.example.com", root)).serialNumber);
      assert.match(await ask(pebble.tlsPort, "a.example.com", root), /200 OK/);
      await proxy.until(() => proxy.access().length > clients || isRenewed(), "the line of a client");
    }
    await reached(async () => serials.add((await handshake(pebble.tlsPort, "a.example.com", root)).serialNumber).size === 2);
  });

  test("are obtained by dns-01, by a program that sets the record", async (t) => {
    const { pebble, folder, start } = await stage(t, {});
    const hook = path.join(folder, "hook.mjs");
    writeFileSync(
      hook,
      `const [action, name, value] = process.argv.slice(2);
const answer = await fetch(\`${pebble.dnsControl}/\${action === "present" ? "set-txt" : "clear-txt"}\`, { method: "POST", body: JSON.stringify({ host: \`\${name}.\`, value }) });
process.exit(answer.ok ? 0 : 1);`,
    );
    const dns = `dns: { command: ["${process.execPath}", "${hook}"] }`;
    const proxy = await start(`challenge: dns-01, ${dns}, domains: [["*.example.com", example.com]]`);
    await proxy.until(() => proxy.count("certificate_obtained") === 1, "the certificate");
    const root = await pebble.root();
    await isServed(pebble.tlsPort, "any.example.com", root);
    assert.match(await ask(pebble.tlsPort, "any.example.com", root), /200 OK/);
  });

  test("are obtained on demand while the first client waits, for names that a service admits", async (t) => {
    const { pebble, start } = await stage(t, {});
    const asked: string[] = [];
    const service = http.createServer((request, response) => {
      const name = new URL(request.url ?? "", "http://localhost").searchParams.get("domain") ?? "";
      asked.push(name);
      response.writeHead(name.startsWith("good") ? 204 : 404).end();
    });
    service.listen(0, "127.0.0.1");
    await once(service, "listening");
    t.after(() => {
      service.close();
      service.closeAllConnections();
    });
    const proxy = await start(`on_demand: { ask: "http://127.0.0.1:${(service.address() as AddressInfo).port}/ask" }`);
    const root = await pebble.root();
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask(pebble.tlsPort, "good.example.com", root)));
    for (const answer of answers) assert.match(answer, /200 OK/);
    await assert.rejects(handshake(pebble.tlsPort, "bad.example.com", root), /unrecognized.name/);
    await assert.rejects(handshake(pebble.tlsPort, "localhost", root), /unrecognized.name/);
    assert.deepEqual(asked, ["good.example.com", "bad.example.com"]);
    await proxy.until((output) => output.includes("certificate_obtained"), "the line about the certificate");
    assert.equal(proxy.count("certificate_obtained"), 1);
  });

  test("are ordered once by two processes that share a storage, of which either answers the authority", async (t) => {
    const { pebble, start } = await stage(t);
    const settings = "challenge: http-01, domains: [a.example.com, b.example.com, c.example.com]";
    const elsewhere = { plain: await freePort(), secure: await freePort() };
    const [one, other] = await Promise.all([start(settings), start(settings, elsewhere)]);
    const obtained = (): number => one.count("certificate_obtained") + other.count("certificate_obtained");
    await reached(() => obtained() === 3);
    const root = await pebble.root();
    for (const name of ["a", "b", "c"]) {
      for (const port of [pebble.tlsPort, elsewhere.secure]) {
        // The other process finds it in the storage at its next look.
        await isServed(port, `${name}.example.com`, root);
      }
    }
    assert.equal(obtained(), 3);
    assert.equal(one.count("certificate_order_failed") + other.count("certificate_order_failed"), 0);
  });

  test("are ordered on trial by check --acme, with and without a proxy that runs", async (t) => {
    const { pebble, folder, start } = await stage(t, {});
    const settings = (challenge: string): string => `challenge: ${challenge}, staging: "${pebble.directory}", domains: [a.example.com]`;
    const config = (challenge: string): string => {
      const acme = `directory: "https://localhost:1/dir", ca_file: ${folder}/ca.pem, storage: ${folder}/acme, terms_agreed: true, ${settings(challenge)}`;
      const file = path.join(folder, "millrace.yaml");
      const listeners = `[{ address: "127.0.0.1:${pebble.httpPort}" }, { address: "127.0.0.1:${pebble.tlsPort}", tls: { acme: { ${acme} } } }]`;
      writeFileSync(file, `listeners: ${listeners}\nroutes: [{ respond: { status: 200 } }]\n`);
      return file;
    };
    const given = /^acme a\.example\.com: localhost:\d+ gives a certificate \(a trial, thrown away\)$/m;
    for (const challenge of ["http-01", "tls-alpn-01"]) {
      const alone = millrace(t, "check", "--acme", "--config", config(challenge));
      assert.equal(await alone.ended, 0, alone.err);
      assert.match(alone.out, given);
    }
    assert.deepEqual(readdirSync(path.join(folder, "acme", "certificates")), []);
    await start("domains: [b.example.com]");
    const beside = millrace(t, "check", "--acme", "--config", config("http-01"));
    assert.equal(await beside.ended, 0, beside.err);
    assert.match(beside.out, /somebody listens on 127\.0\.0\.1:\d+ already/);
    assert.match(beside.out, given);
    const unknown = path.join(folder, "unknown.yaml");
    const elsewhere = `directory: "${pebble.directory}", ca_file: ${folder}/ca.pem, storage: ${folder}/acme, terms_agreed: true, domains: [a.example.com]`;
    writeFileSync(unknown, `listeners: [{ address: ":443", tls: { acme: { ${elsewhere} } } }]\nroutes: [{ respond: { status: 200 } }]\n`);
    const untried = millrace(t, "check", "--acme", "--config", unknown);
    assert.equal(await untried.ended, 0, untried.err);
    assert.match(
      untried.out,
      /^acme a\.example\.com: not tried, because acme\.staging names no directory of localhost:\d+ for trying; the authority answers/m,
    );
    await pebble.stop();
    const down = millrace(t, "check", "--acme", "--config", config("http-01"));
    assert.equal(await down.ended, 1);
    assert.match(down.err, /^acme at localhost:\d+: localhost:\d+ cannot be asked: /m);
  });

  test("an authority that forgets its accounts is no obstacle", async (t) => {
    const { pebble, start } = await stage(t, {});
    const first = await start("domains: [a.example.com]");
    await first.until(() => first.count("certificate_obtained") === 1, "the certificate");
    await first.stop();
    await pebble.restart();
    const second = await start("domains: [a.example.com, b.example.com]");
    await second.until(() => second.count("certificate_obtained") === 1, "the second certificate");
    assert.equal(second.count("acme_account_replaced"), 1);
  });
});
