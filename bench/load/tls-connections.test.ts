import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import tls from "node:tls";
import { missingProgram, Processes } from "../processes.ts";
import { CURVE, SUITE, makeCertificate, otherSettings } from "../rivals/certificate.ts";
import { parseTlsConnections, runTlsConnections } from "./tls-connections.ts";

/** taskset pins the load program to a core, and openssl makes the certificate. */
const options = { skip: missingProgram("taskset") ?? missingProgram("openssl") ?? false };
const AS_WANTED = { minVersion: "TLSv1.3", ciphers: SUITE, ecdhCurve: CURVE } as const;

test("a report that is none is quoted in the error", () => {
  assert.throws(() => parseTlsConnections("usage: PORT"), /the load said: usage: PORT/);
});

test("handshakes are full or resumed as asked, and each may have one request", options, async (t) => {
  const { port, seen, load } = await started(t, AS_WANTED);
  assert.equal(await otherSettings(port), null);
  seen.length = 0;

  const full = await load({});
  assert.equal(full.errors, 0);
  assert.ok(full.requests > 0);
  assert.deepEqual(seen.splice(0), Array<boolean>(full.requests).fill(false));

  const resumed = await load({ resumed: true });
  assert.equal(resumed.errors, 0);
  assert.deepEqual(seen.splice(0), [false, ...Array<boolean>(resumed.requests).fill(true)]);

  const asking = await load({ asks: true });
  assert.equal(asking.errors, 0);
  assert.deepEqual(seen.splice(0), Array<boolean>(asking.requests).fill(false));
});

test("a full handshake is an error where one was to be resumed", options, async (t) => {
  const { server, load } = await started(t, AS_WANTED);
  server.on("secureConnection", () => server.setTicketKeys(randomBytes(48)));
  const { requests, errors } = await load({ resumed: true });
  assert.ok(requests > 0 && errors > 0, `${errors} of ${requests}`);
});

test("a proxy whose clients get other settings is found out", options, async (t) => {
  const { port } = await started(t, { ...AS_WANTED, ecdhCurve: "P-256" });
  assert.equal(
    await otherSettings(port),
    `its clients get TLSv1.3 ${SUITE} prime256v1 prime256v1 and not TLSv1.3 ${SUITE} X25519 prime256v1`,
  );
});

/** A server that answers each request and closes then. `seen` has for each handshake whether it was resumed. */
async function started(t: TestContext, settings: tls.TlsOptions) {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-tls-load-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const certificate = makeCertificate(folder);
  const seen: boolean[] = [];
  const server = tls.createServer({ ...settings, cert: readFileSync(certificate.certificate), key: readFileSync(certificate.key) });
  server.on("secureConnection", (socket) => {
    seen.push(socket.isSessionReused());
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const processes = new Processes();
  t.after(() => processes.endAll());
  const { port } = server.address() as AddressInfo;
  const load = (each: object) =>
    runTlsConnections({ processes, loadCore: 0, certificate }, port, { seconds: 0.1, connections: 2, ...each });
  return { server, port, seen, load };
}
