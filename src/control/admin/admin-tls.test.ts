/** The admin address over TLS, with and without certificates of clients. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { once } from "node:events";
import https from "node:https";
import net from "node:net";
import { before, test } from "node:test";
import type { TestContext } from "node:test";
import tls from "node:tls";
import { TestAuthority, temporaryFiles } from "../../../test/support/certificates.ts";
import type { TestCertificate } from "../../../test/support/certificates.ts";
import { adminTlsSchema } from "../../config/schema/tls/admin-tls-schema.ts";
import { AdminCertificates } from "./admin-certificates.ts";
import type { AdminSettings } from "./admin-certificates.ts";
import { startAdmin } from "./admin.ts";
import type { AdminPages, AdminServer } from "./admin.ts";

const LOOK_MS = 1000;

let authority: TestAuthority;
let [site, other, alice, revoked, expired, stranger]: TestCertificate[] = [];
let crl: string = "";

before(async () => {
  authority = await TestAuthority.create();
  const foreign = await TestAuthority.create();
  [site, other, alice, revoked, expired, stranger] = await Promise.all([
    authority.issue(["localhost", "127.0.0.1"]),
    authority.issue(["127.0.0.1", "other.test"]),
    authority.issue(["alice"], { use: "client" }),
    authority.issue(["mallory"], { use: "client" }),
    authority.issue(["bob"], { use: "client", valid: "expired" }),
    foreign.issue(["alice"], { use: "client" }),
  ]);
  crl = await authority.crl(revoked === undefined ? [] : [revoked]);
});

const NO_WATCH = { use: (): void => {}, fileRead: (): void => {}, fileRefused: (): void => {} };

const PAGES: AdminPages = {
  access: () => ({ token: undefined, hosts: [] }),
  notReady: () => [],
  status: () => ({ status: "ok", version: "1", uptime: 2, upstreams: {} }),
  metrics: () => "",
  onFault: (error) => assert.fail(String(error)),
};

interface Stage {
  readonly server: AdminServer;
  readonly files: Readonly<Record<"cert" | "key" | "ca" | "crl", string>>;
  readonly log: readonly string[];
  /** Lets this many looks at the files pass. */
  looks(count: number): Promise<void>;
  /** The rule changes, as by a reload. */
  reload(mode: "required" | "optional"): readonly string[];
}

async function stage(t: TestContext, mode: "required" | "optional" | null, withList: boolean = false): Promise<Stage> {
  const files = temporaryFiles(t, { cert: site?.chain ?? "", key: site?.key ?? "", ca: authority.certificate, crl });
  const settings = (rule: typeof mode): AdminSettings => ({
    address: "127.0.0.1:0",
    tls: adminTlsSchema.parse({
      cert_file: files.cert,
      key_file: files.key,
      ...(rule === null ? {} : { client_certificates: { mode: rule, ca_file: files.ca, ...(withList ? { crl_file: files.crl } : {}) } }),
    }),
  });
  let current = settings(mode);
  const log: string[] = [];
  let due: (() => void) | null = null;
  let planned: () => void = () => {};
  const say = (event: string, message: string): void => void log.push(`${event}: ${message}`);
  const certificates = new AdminCertificates({
    log: { info: say, error: say },
    watch: NO_WATCH,
    epochMs: Date.now,
    changed: () => server.useTls(certificates.of(current.tls)),
    after: (ms, then) => {
      assert.equal(ms, LOOK_MS);
      due = then;
      planned();
      return () => (due = null);
    },
  });
  assert.deepEqual(certificates.read(current), []);
  const server = await startAdmin("127.0.0.1:0", PAGES, undefined, certificates.of(current.tls));
  certificates.keep(current);
  t.after(async () => {
    certificates.stop();
    await server.close();
  });
  const looks = async (count: number): Promise<void> => {
    for (let look = 0; look < count; look++) {
      const ended = new Promise<void>((resolve) => (planned = resolve));
      const then = due;
      due = null;
      then?.();
      await ended;
    }
  };
  const reload = (rule: "required" | "optional"): readonly string[] => {
    const next = settings(rule);
    const problems = certificates.read(next);
    if (problems.length === 0) {
      current = next;
      server.useTls(certificates.of(current.tls));
    }
    certificates.keep(current);
    return problems;
  };
  return { server, files, log, looks, reload };
}

/** The status of the answer; "none": the connection ended without one. */
async function ask(
  { server }: Stage,
  path: string,
  certificate?: TestCertificate,
  more: https.RequestOptions = {},
): Promise<number | "none"> {
  const shown = certificate === undefined ? {} : { cert: certificate.chain, key: certificate.key };
  const request = https.request(server.url + path, { ca: authority.certificate, agent: false, ...shown, ...more });
  request.end();
  try {
    const [response]: { resume(): unknown; readonly statusCode?: number }[] = await once(request, "response");
    response?.resume();
    return response?.statusCode ?? 0;
  } catch {
    return "none";
  }
}

test("serves https with its certificate, from TLS 1.2 on, and no plain HTTP", async (t) => {
  const one = await stage(t, null);
  assert.match(one.server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(await ask(one, "/status"), 200);
  assert.equal(await ask(one, "/status", undefined, { maxVersion: "TLSv1.2" }), 200);
  const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  assert.equal(await ask(one, "/status", undefined, old), "none");
  const plain = net.connect(Number(new URL(one.server.url).port), "127.0.0.1");
  plain.on("error", () => undefined).end("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
  let received = "";
  plain.setEncoding("latin1").on("data", (text: string) => (received += text));
  await once(plain, "close");
  assert.doesNotMatch(received, /HTTP/);
  assert.equal(await ask(one, "/healthz"), 200);
});

test("required: only a valid certificate of the authority gets a connection", async (t) => {
  const one = await stage(t, "required", true);
  for (const path of ["/status", "/healthz", "/metrics"]) {
    assert.equal(await ask(one, path, alice), 200, path);
    for (const [who, certificate] of Object.entries({ nobody: undefined, stranger, expired, revoked, server: other })) {
      assert.equal(await ask(one, path, certificate), "none", `${who} ${path}`);
    }
  }
  assert.equal(await ask(one, "/status", stranger, { maxVersion: "TLSv1.2" }), "none");
});

test("optional: without a certificate the two pages for probes answer, and a bad one gets nothing", async (t) => {
  const one = await stage(t, "optional");
  const asked = async (certificate?: TestCertificate): Promise<unknown[]> =>
    Promise.all(["/healthz", "/readyz", "/status", "/metrics", "/other"].map((path) => ask(one, path, certificate)));
  assert.deepEqual(await asked(), [200, 200, 403, 403, 403]);
  assert.deepEqual(await asked(alice), [200, 200, 200, 200, 404]);
  assert.deepEqual(await asked(stranger), ["none", "none", "none", "none", "none"]);
  assert.deepEqual(one.reload("required"), []);
  assert.deepEqual(await asked(), ["none", "none", "none", "none", "none"]);
  assert.deepEqual(await asked(alice), [200, 200, 200, 200, 404]);
});

test("no session is resumed, so that each connection is judged by the trust of now", async (t) => {
  const one = await stage(t, "required");
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const { port } = new URL(one.server.url);
    const options = { port: Number(port), ca: authority.certificate, cert: alice?.chain ?? "", key: alice?.key ?? "", maxVersion };
    const first = tls.connect(options);
    let session: Buffer | undefined;
    first.on("session", (given) => (session = given));
    await once(first, "secureConnect");
    first.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    first.resume();
    await once(first, "close");
    session ??= first.getSession();
    const second = tls.connect({ ...options, ...(session === undefined ? {} : { session }) });
    await once(second, "secureConnect");
    assert.equal(second.isSessionReused(), false, maxVersion);
    second.destroy();
  }
});

test("a changed certificate or authority is used by the next handshake, and a bad one is not", async (t) => {
  const one = await stage(t, "required");
  const served = async (): Promise<string> => {
    const socket = tls.connect({ port: Number(new URL(one.server.url).port), rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  assert.equal(await served(), site?.serialNumber);
  writeFileSync(one.files.cert, other?.chain ?? "");
  writeFileSync(one.files.key, other?.key ?? "");
  await one.looks(2);
  assert.equal(await served(), other?.serialNumber);
  writeFileSync(one.files.ca, "no certificate");
  await one.looks(2);
  assert.equal(await ask(one, "/status", alice), 200);
  const foreign = await TestAuthority.create();
  writeFileSync(one.files.ca, foreign.certificate);
  await one.looks(2);
  assert.equal(await ask(one, "/status", alice), "none");
  assert.deepEqual(
    one.log.map((line) => line.slice(0, line.indexOf(":"))),
    ["certificate_file_read", "certificate_file_refused", "certificate_file_read"],
  );
  assert.match(one.log[1] ?? "", /the old version stays in use: .*ca holds no PEM certificate/);
});

test("a page of the address itself may ask by https, and no other", async (t) => {
  const one = await stage(t, null);
  const { host } = new URL(one.server.url);
  assert.equal(await ask(one, "/status", undefined, { headers: { Origin: `https://${host}` } }), 200);
  for (const origin of [`http://${host}`, "https://127.0.0.1", "https://evil.test", "null"]) {
    assert.equal(await ask(one, "/status", undefined, { headers: { Origin: origin } }), 403, origin);
  }
});

test("what cannot be read is named by its file", async (t) => {
  const files = temporaryFiles(t, { cert: other?.chain ?? "", key: site?.key ?? "", ca: "" });
  const log = { info: () => {}, error: () => {} };
  const certificates = new AdminCertificates({ log, watch: NO_WATCH, epochMs: Date.now, changed: () => {}, after: () => () => {} });
  const problems = (more: object): string => {
    const tls = adminTlsSchema.parse({ cert_file: files.cert, key_file: files.key, ...more });
    return certificates.read({ address: ":1", tls }).join("\n");
  };
  assert.match(problems({}), /^admin\.tls: .*key holds the key of another certificate$/);
  assert.match(problems({ key_file: `${files.folder}/none` }), /^admin\.tls: .*none does not exist$/);
  const rule = { cert_file: files.cert, key_file: files.key, client_certificates: { ca_file: files.ca } };
  writeFileSync(files.key, other?.key ?? "");
  assert.match(problems(rule), /^admin\.tls: .*ca holds no PEM certificate: it is empty$/);
});
