/** TLS towards origins under the real command, on Node's handle and with its sockets: what is shown, resumed, cut and replaced. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, renameSync, writeFileSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import path from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import tls from "node:tls";
import type { TlsOptions } from "node:tls";
import { TestAuthority, temporaryFiles } from "../support/certificates.ts";

import { freePort } from "../support/free-port.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { RawClient, ask, get } from "../support/raw-client.ts";
import { reached } from "../support/run-command.ts";
import { WITHOUT_RAW_ACCESS } from "../support/without-raw-access.ts";

const authority = await TestAuthority.create();
const site = await authority.issue(["127.0.0.1"]);
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

interface Origin {
  readonly url: string;
  /** Of each connection: whether it resumed a session, and the subject of the client's certificate. */
  readonly connections: { readonly resumed: boolean; readonly subject: string }[];
  /** Uses another certificate from now on. */
  use(options: TlsOptions): void;
}

/** An origin that answers each request with what `answer` does. */
async function origin(t: TestContext, options: TlsOptions, answer: (socket: tls.TLSSocket) => void): Promise<Origin> {
  const connections: Origin["connections"] = [];
  const server = tls.createServer(options, (socket) => {
    connections.push({ resumed: socket.isSessionReused(), subject: socket.getPeerX509Certificate()?.subject ?? "" });
    socket.on("error", () => {}).on("data", () => answer(socket));
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}`, connections, use: (changed) => server.setSecureContext(changed) };
}

async function proxyTo(t: TestContext, url: string, settings: string, more: string = "", streams: boolean = false): Promise<Millrace> {
  const proxy = await startMillrace(
    `listeners: [{ address: "127.0.0.1:0" }]
upstreams: { app: { endpoints: ["${url}"], tls: ${settings}${more} } }
routes: [{ upstream: app }]
workers: 2
`,
    streams ? { NODE_OPTIONS: WITHOUT_RAW_ACCESS } : {},
  );
  t.after(() => proxy.stop());
  return proxy;
}

/** One request on a connection of its own, which the system gives to one of the workers. */
async function request(proxy: Millrace): Promise<number> {
  return (await ask(proxy.port, get("/"))).status;
}

for (const streams of [false, true]) {
  describe(streams ? "with Node's sockets" : "on Node's handle", () => {
    test("an answer that ends with its connection is cut where the endpoint did not say that it was complete", async (t) => {
      let isCut = false;
      const { url } = await origin(t, { cert: site.chain, key: site.key }, (socket) => {
        socket.write("HTTP/1.1 200 OK\r\n\r\nbegun", () => (isCut ? below(socket).end() : socket.end()));
      });
      const files = temporaryFiles(t, { "ca.pem": authority.certificate });
      const proxy = await proxyTo(t, url, `{ ca_file: ${files["ca.pem"]} }`, "", streams);
      const whole = await ask(proxy.port, get("/"));
      assert.deepEqual([whole.status, whole.body], [200, "begun"]);
      isCut = true;
      const client = await RawClient.connect(proxy.port);
      client.send(get("/"));
      await client.until(() => client.ended || client.closed, "the cut");
      assert.match(client.received, /begun/);
      assert.doesNotMatch(client.received, /\r\n0\r\n/, "no end of chunks");
      await proxy.until((output) => /"outcome":"tls_error"|"outcome":"connection_terminated"/.test(output), "the outcome");
    });

    test("each connection shows the certificate, and after the first few all workers resume", async (t) => {
      const client = await authority.client("CN=proxy");
      const options = { cert: site.chain, key: site.key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true };
      const { url, connections } = await origin(
        t,
        options,
        (socket) => void socket.end(OK.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")),
      );
      const files = temporaryFiles(t, { "ca.pem": authority.certificate, "me.pem": client.chain, "me.key": client.key });
      const settings = `{ ca_file: ${files["ca.pem"]}, cert_file: ${files["me.pem"]}, key_file: ${files["me.key"]} }`;
      const proxy = await proxyTo(t, url, settings, "", streams);
      assert.equal(await request(proxy), 200);
      // The session goes from one worker over the control plane to the other.
      await reached(async () => {
        const before = connections.length;
        for (let count = 0; count < 8; count++) assert.equal(await request(proxy), 200);
        return connections.slice(before).every(({ resumed }) => resumed);
      });
      assert.ok(connections.every(({ subject }) => subject === "CN=proxy"));
      assert.ok(connections.filter(({ resumed }) => !resumed).length <= 2, "at most one full handshake of each worker");
      assert.doesNotMatch(proxy.output(), /PRIVATE|session/i);
    });
  });
}

test("an expired certificate, one of another name and one that is revoked are refused, and probes say so in the same words", async (t) => {
  const [expired, revoked] = [await authority.issue(["127.0.0.1"], { valid: "expired" }), await authority.issue(["127.0.0.1"])];
  const foreign = await authority.issue(["other.test"]);
  const files = temporaryFiles(t, { "ca.pem": authority.certificate, "crl.pem": await authority.crl([revoked]) });
  const trust = `ca_file: ${files["ca.pem"]}`;
  const cases = [
    [expired, `{ ${trust} }`, "its certificate has expired"],
    [foreign, `{ ${trust} }`, "its certificate is for another name"],
    [revoked, `{ ${trust}, crl_file: ${files["crl.pem"]} }`, "its certificate was revoked"],
    [site, `{ ${trust}, pinned_keys: ["sha256/${"A".repeat(43)}="] }`, "its certificate has a key that is not among tls.pinned_keys"],
  ] as const;
  const upstreams: string[] = [];
  for (const [index, [{ chain, key }, settings]] of cases.entries()) {
    const { url } = await origin(t, { cert: chain, key }, (socket) => void socket.write(OK));
    const both = `endpoints: ["${url}"], tls: ${settings}`;
    upstreams.push(
      `  asked${index}: { ${both} }`,
      `  probed${index}: { ${both}, health_check: { interval: 200ms, unhealthy_threshold: 1 } }`,
    );
  }
  const proxy = await startMillrace(`listeners: [{ address: "127.0.0.1:0" }]
upstreams:
${upstreams.join("\n")}
routes:
${cases.map((_, index) => `  - { match: { path: /${index} }, upstream: asked${index} }`).join("\n")}
  - { match: { path: /probed }, split: [${cases.map((_, index) => `{ upstream: probed${index}, weight: 1 }`).join(", ")}] }
workers: 1
`);
  t.after(() => proxy.stop());
  for (const [index, [, , words]] of cases.entries()) {
    const response = await ask(proxy.port, get(`/${index}`));
    assert.deepEqual([response.status, response.fields.get("proxy-status")], [502, ["millrace; error=tls_certificate_error"]]);
    for (const event of ["endpoint_tls_failed", "endpoint_unhealthy"])
      await proxy.until((output) => output.split("\n").some((line) => line.includes(event) && line.includes(words)), `${event}: ${words}`);
  }
});

test("certificates of both sides are replaced under load, and no request notices", { timeout: 60_000 }, async (t) => {
  const next = await TestAuthority.create({ subject: "CN=Next authority" });
  const [one, two, nextSite] = [await authority.client("CN=one"), await next.client("CN=two"), await next.issue(["127.0.0.1"])];
  const both = authority.certificate + next.certificate;
  const asks = { requestCert: true, rejectUnauthorized: true, ca: both };
  const { url, connections, use } = await origin(t, { cert: site.chain, key: site.key, ...asks }, (socket) => void socket.write(OK));
  const files = temporaryFiles(t, { "ca.pem": authority.certificate, "me.pem": one.chain, "me.key": one.key });
  const settings = `{ ca_file: ${files["ca.pem"]}, cert_file: ${files["me.pem"]}, key_file: ${files["me.key"]} }`;
  const proxy = await proxyTo(t, url, settings);
  const replace = (name: "ca.pem" | "me.pem" | "me.key", text: string): void => {
    writeFileSync(path.join(files.folder, "next"), text, { mode: 0o600 });
    renameSync(path.join(files.folder, "next"), files[name]);
  };
  let isOver = false;
  const statuses: number[] = [];
  const load = Array.from({ length: 4 }, async () => {
    while (!isOver) statuses.push(await request(proxy));
  });
  const read = async (count: number): Promise<void> => proxy.until(() => proxy.count("certificate_file_read") >= count, "the new file");
  replace("ca.pem", both);
  await read(1);
  use({ cert: nextSite.chain, key: nextSite.key, ...asks });
  replace("me.pem", two.chain);
  replace("me.key", two.key);
  await read(2);
  replace("ca.pem", next.certificate);
  await read(3);
  const before = connections.length;
  await reached(() => connections.length > before && connections.at(-1)?.subject === "CN=two");
  replace("ca.pem", "no PEM");
  await proxy.until((output) => output.includes("certificate_file_refused"), "the refusal");
  await reached(() => statuses.length > 100);
  isOver = true;
  await Promise.all(load);
  assert.deepEqual([...new Set(statuses)], [200], `${statuses.length} requests`);
});

const nginx = spawnSync("nginx", ["-v"], { stdio: "ignore" }).status === 0;

test("nginx with ssl_verify_client lets requests and probes in", { skip: nginx ? false : "nginx is not installed" }, async (t) => {
  const client = await authority.client("CN=proxy,O=Example");
  const files = temporaryFiles(t, {
    "ca.pem": authority.certificate,
    "me.pem": client.chain + client.key,
    "site.pem": site.chain,
    "site.key": site.key,
    "nginx.conf": "",
  });
  const { folder } = files;
  // nginx started by root works as another user.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
  writeFileSync(
    files["nginx.conf"],
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log; events {}
http { access_log off; ${temporary}
  server { listen 127.0.0.1:${port} ssl; ssl_certificate ${files["site.pem"]}; ssl_certificate_key ${files["site.key"]};
    ssl_client_certificate ${files["ca.pem"]}; ssl_verify_client on; location / { return 200 "$ssl_client_s_dn $ssl_session_reused"; } } }`,
  );
  const child = spawn("nginx", ["-c", files["nginx.conf"], "-p", folder], { stdio: "ignore" });
  t.after(async () => {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  });
  const probed = ", health_check: { path: /, interval: 200ms }, keep_alive: { max_idle: 0 }";
  const url = `https://127.0.0.1:${port}`;
  const proxy = await proxyTo(t, url, `{ ca_file: ${files["ca.pem"]}, cert_file: ${files["me.pem"]} }`, probed);
  await proxy.until((output) => output.includes("endpoint_healthy"), "the probe");
  const bodies = new Set<string>();
  await reached(async () => {
    bodies.add((await ask(proxy.port, get("/"))).body);
    return bodies.has("O=Example,CN=proxy r");
  });
  const without = await proxyTo(t, url, `{ ca_file: ${files["ca.pem"]} }`);
  assert.equal((await ask(without.port, get("/"))).status, 400);
});

/** The TCP connection below TLS. */
function below(socket: tls.TLSSocket): Socket {
  const { _parent: tcp } = socket as tls.TLSSocket & { readonly _parent?: Socket };
  return tcp ?? assert.fail("no socket below");
}
