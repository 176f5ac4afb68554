/**
 * The PROXY protocol with Debian's HAProxy and nginx: HAProxy names clients to Millrace, and Millrace names them to both. Each client connects from
 * an address of its own, 127.0.0.5, so that nobody else's address can pass for it.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { TestAuthority } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { WITHOUT_RAW_ACCESS } from "../support/without-raw-access.ts";

const missing = ["haproxy", "nginx"].filter((name) => spawnSync(name, ["-v"], { stdio: "ignore" }).status !== 0);
const CLIENT = "127.0.0.5";

/** Resolves once the port, or the socket, accepts a connection. */
async function accepting(to: net.NetConnectOpts, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} exited with ${child.exitCode}`);
    const socket = net.connect(to);
    const isUp = await new Promise<boolean>((resolve) => {
      socket.on("connect", () => resolve(true));
      socket.on("error", () => resolve(false));
    });
    socket.destroy();
    if (isUp) return;
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** The client's own port. */
  readonly port: number;
}

/** Asks from the client's address, on a connection of its own or that of the agent. */
async function ask(url: string, options: https.RequestOptions = {}): Promise<Answer> {
  const send = url.startsWith("https:") ? https.request : http.request;
  const request = send(url, { agent: false, localAddress: CLIENT, ...options }).end();
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const { localPort: port = 0 } = response.socket;
  let text = "";
  for await (const piece of response.setEncoding("utf8")) text += String(piece);
  return { status: response.statusCode ?? 0, text, port };
}

for (const [sockets, environment] of [
  ["raw sockets", {}],
  ["the streams of Node", { NODE_OPTIONS: WITHOUT_RAW_ACCESS }],
] as const)
  describe(
    `the PROXY protocol, over ${sockets}`,
    { skip: missing.length > 0 ? `missing: apt-get install ${missing.join(" ")}` : false, timeout: 60_000 },
    () => {
      const folder = mkdtempSync(path.join(tmpdir(), "millrace-proxy-protocol-"));
      const at = (name: string): string => path.join(folder, name);
      const children: ChildProcess[] = [];
      let proxy: Millrace;
      let ca = "";
      const port: Record<string, number> = {};

      before(async () => {
        // Programs started by root serve as other users.
        chmodSync(folder, 0o755);
        mkdirSync(at("sockets"));
        chmodSync(at("sockets"), 0o777);
        const authority = await TestAuthority.create();
        ca = authority.certificate;
        const { chain, key } = await authority.issue(["a.test", "127.0.0.1"]);
        for (const [name, text] of Object.entries({ "both.pem": chain + key, "chain.pem": chain, "key.pem": key, "ca.pem": ca })) {
          writeFileSync(at(name), text, { mode: 0o600 });
        }
        for (const name of ["v1", "v2", "ended", "passed", "known", "knownTls", "haproxy", "nginx", "nginxTls"])
          port[name] = await freePort();
        const told = '"$proxy_protocol_addr:$proxy_protocol_port to $proxy_protocol_server_addr:$proxy_protocol_server_port"';
        writeFileSync(
          at("nginx.conf"),
          `daemon off; worker_processes 1; pid ${at("pid")}; error_log ${at("error.log")};
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${at("b")}; proxy_temp_path ${at("p")}; fastcgi_temp_path ${at("f")}; uwsgi_temp_path ${at("u")}; scgi_temp_path ${at("s")};
  server {
    listen 127.0.0.1:${port["nginx"]} proxy_protocol; listen unix:${at("sockets/told.sock")} proxy_protocol;
    listen 127.0.0.1:${port["nginxTls"]} ssl proxy_protocol; ssl_certificate ${at("chain.pem")}; ssl_certificate_key ${at("key.pem")};
    location / { return 200 ${told}; }
  }
  server { listen unix:${at("sockets/plain.sock")}; location / { return 200 "host $host"; } }
}`,
        );
        writeFileSync(
          at("haproxy.cfg"),
          `global
  maxconn 200
defaults
  timeout connect 5s
  timeout client 10s
  timeout server 10s
listen v1
  mode tcp
  bind 127.0.0.1:${port["v1"]}
  server millrace 127.0.0.1:${port["known"]} send-proxy
listen v2
  mode tcp
  unique-id-format %ci-%cp
  bind 127.0.0.1:${port["v2"]}
  server millrace 127.0.0.1:${port["known"]} send-proxy-v2 proxy-v2-options crc32c,unique-id
listen ended
  mode tcp
  bind 127.0.0.1:${port["ended"]} ssl crt ${at("both.pem")}
  server millrace 127.0.0.1:${port["known"]} send-proxy-v2-ssl-cn proxy-v2-options ssl,cert-cn,ssl-cipher,authority,crc32c
listen passed
  mode tcp
  bind 127.0.0.1:${port["passed"]}
  server millrace 127.0.0.1:${port["knownTls"]} send-proxy-v2
frontend told
  mode http
  bind 127.0.0.1:${port["haproxy"]} accept-proxy
  bind unix@${at("sockets/haproxy.sock")} accept-proxy mode 666
  http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] to %[dst]:%[dst_port]"
`,
        );
        const nginx = spawn("nginx", ["-p", folder, "-c", at("nginx.conf")], { stdio: "ignore" });
        const haproxy = spawn("haproxy", ["-db", "-f", at("haproxy.cfg")], { stdio: "ignore" });
        children.push(nginx, haproxy);
        await accepting({ host: "127.0.0.1", port: port["nginx"] ?? 0 }, nginx);
        await accepting({ path: at("sockets/haproxy.sock") }, haproxy);
        for (const name of ["told", "plain", "haproxy"]) chmodSync(at(`sockets/${name}.sock`), 0o666);
        const probed = "health_check: { path: / }";
        proxy = await startMillrace(
          `
listeners:
  - { address: "127.0.0.1:0" }
  - { address: "127.0.0.1:${port["known"]}", proxy_protocol: { from: [127.0.0.1] }, timeouts: { proxy_protocol: 500ms } }
  - address: "127.0.0.1:${port["knownTls"]}"
    proxy_protocol: { from: [127.0.0.1] }
    tls: { certificates: [{ cert_file: ${at("chain.pem")}, key_file: ${at("key.pem")} }] }
  - { address: "unix:${at("sockets/millrace.sock")}" }
workers: 2
upstreams:
  nginx-v1: { endpoints: ["http://127.0.0.1:${port["nginx"]}"], proxy_protocol: v1, ${probed} }
  nginx-v2: { endpoints: ["http://127.0.0.1:${port["nginx"]}"], proxy_protocol: v2, ${probed} }
  nginx-tls: { endpoints: ["https://127.0.0.1:${port["nginxTls"]}"], proxy_protocol: v2, tls: { ca_file: ${at("ca.pem")} }, ${probed} }
  nginx-unix: { endpoints: ["unix:${at("sockets/told.sock")}"], proxy_protocol: v1, ${probed} }
  haproxy-v1: { endpoints: ["http://127.0.0.1:${port["haproxy"]}"], proxy_protocol: v1, ${probed} }
  haproxy-v2: { endpoints: ["http://127.0.0.1:${port["haproxy"]}"], proxy_protocol: v2, ${probed} }
  haproxy-unix: { endpoints: ["unix:${at("sockets/haproxy.sock")}"], proxy_protocol: v2, ${probed} }
  plain: { endpoints: ["unix:${at("sockets/plain.sock")}"], ${probed} }
  absent: { endpoints: ["unix:${at("sockets/absent.sock")}"] }
routes:
  - { match: { path: /who }, respond: { body: "{client_ip} {scheme}" } }
${["nginx-v1", "nginx-v2", "nginx-tls", "nginx-unix", "haproxy-v1", "haproxy-v2", "haproxy-unix", "plain", "absent"]
  .map((name) => `  - { match: { path: /${name} }, upstream: ${name} }`)
  .join("\n")}
logging: { level: info, access: { fields: [client, path, status, proxy_sender, proxy_unique_id, tls_version, tls_server_name] } }
`,
          environment,
        );
      });

      after(async () => {
        for (const child of children) child.kill("SIGKILL");
        rmSync(folder, { recursive: true, force: true });
        // At the end, because there is none if something before it could not start.
        assert.equal(await proxy.stop(), 0);
      });

      describe("HAProxy tells Millrace", () => {
        for (const version of ["v1", "v2"]) {
          test(`the client in ${version}`, async () => {
            assert.equal((await ask(`http://127.0.0.1:${port[version]}/who`)).text, `${CLIENT} http`);
            const { text, port: own } = await ask(`http://127.0.0.1:${port[version]}/nginx-v2`);
            assert.equal(text, `${CLIENT}:${own} to 127.0.0.1:${port[version]}`, "and Millrace tells the next");
          });
        }

        test("of the client's TLS, which ends at HAProxy", async () => {
          const { text } = await ask(`https://127.0.0.1:${port["ended"]}/who`, { ca, servername: "a.test" });
          assert.equal(text, `${CLIENT} https`);
          await proxy.until((output) => output.includes('"tls_server_name":"a.test"'), "the log line");
          assert.match(
            proxy.output(),
            /"client":"127\.0\.0\.5".*"tls_version":"TLSv1\.3","tls_server_name":"a\.test","proxy_sender":"127\.0\.0\.1"/,
          );
        });

        test("of a connection whose TLS ends at Millrace, header first", async () => {
          const { text, status } = await ask(`https://127.0.0.1:${port["passed"]}/who`, {
            ca,
            servername: "a.test",
            headers: { host: "a.test" },
          });
          assert.deepEqual([status, text], [200, `${CLIENT} https`]);
        });

        test("its id of the connection", async () => {
          const { port: own } = await ask(`http://127.0.0.1:${port["v2"]}/who`);
          await proxy.until((output) => output.includes(`"proxy_unique_id":"${CLIENT}-${own}"`), "the log line");
        });
      });

      test("a client that comes past HAProxy is not served", async () => {
        const socket = net.connect({ host: "127.0.0.1", port: port["known"] ?? 0, localAddress: CLIENT });
        let received = "";
        socket.on("data", (piece) => (received += String(piece))).on("error", () => {});
        socket.write("PROXY TCP4 127.0.0.9 127.0.0.1 1 80\r\nGET /who HTTP/1.1\r\nHost: a.test\r\n\r\n");
        // `once` would take a reset for a failure of the test.
        await new Promise((resolve) => socket.on("close", resolve));
        assert.equal(received, "");
        await proxy.until((output) => output.includes("proxy_header_refused"), "the log line");
        assert.match(proxy.output(), /closed 1 connection, the last from 127\.0\.0\.5: it is not in proxy_protocol\.from/);
      });

      describe("what a load balancer sends comes", () => {
        /** Sends the pieces one after the other, as packets of their own, and resolves with all that comes back. */
        const exchange = async (to: string, pieces: readonly string[]): Promise<string> => {
          const socket = net.connect({ host: "127.0.0.1", port: port[to] ?? 0, noDelay: true });
          let received = "";
          const isClosed = new Promise((resolve) => socket.on("error", () => {}).on("close", resolve));
          socket.on("data", (piece) => (received += piece.toString("latin1")));
          await once(socket, "connect");
          for (const piece of pieces) {
            await new Promise((resolve) => socket.write(piece, "latin1", resolve));
            await new Promise(setImmediate);
          }
          await isClosed;
          return received;
        };
        const line = "PROXY TCP4 127.0.0.9 127.0.0.1 1 80\r\n";
        const request = "GET /who HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

        for (const [how, pieces, answer] of [
          ["in one packet", [line + request], /^HTTP\/1\.1 200 [^]*127\.0\.0\.9 http$/],
          ["byte by byte", [...line, ...request], /^HTTP\/1\.1 200 [^]*127\.0\.0\.9 http$/],
          ["twice", [line + line + request], /^HTTP\/1\.1 400 /],
          ["without a header", [request], /^$/],
          ["with half a header, and stalls", [line.slice(0, 20)], /^$/],
          ["as nothing, and stalls", [], /^$/],
          ["as a line without end", [`PROXY UNKNOWN ${"x".repeat(1000)}`], /^$/],
        ] as const) {
          test(how, async () => assert.match(await exchange("known", pieces), answer));
        }

        test("with garbage in the place of TLS", async () => {
          const alert = await exchange("knownTls", [`${line}\x16\x03\x01\x00\x05hello`]);
          assert.deepEqual([alert.slice(0, 2), alert.length], ["\x15\x03", 7], "an alert");
          assert.match(await exchange("knownTls", [line + request]), /^HTTP\/1\.1 400 /, "plain HTTP");
          assert.equal(await exchange("knownTls", ["\x16\x03\x01\x00\x05hello"]), "", "TLS without the header");
        });
      });

      test("probes are answered by all", async () => {
        const probed = 8;
        await proxy.until(() => proxy.count("endpoint_healthy") >= probed, "the endpoints");
        assert.equal(proxy.count("endpoint_unhealthy"), 0);
      });

      describe("Millrace tells", () => {
        for (const name of ["nginx-v1", "nginx-v2", "nginx-tls", "nginx-unix", "haproxy-v1", "haproxy-v2", "haproxy-unix"]) {
          test(`${name}, over one connection for each of the client's`, async () => {
            const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
            const first = await ask(`http://127.0.0.1:${proxy.port}/${name}`, { agent });
            assert.equal(first.text, `${CLIENT}:${first.port} to 127.0.0.1:${proxy.port}`);
            assert.deepEqual(await ask(`http://127.0.0.1:${proxy.port}/${name}`, { agent }), first);
            agent.destroy();
            const second = await ask(`http://127.0.0.1:${proxy.port}/${name}`);
            assert.notEqual(second.port, first.port);
            assert.equal(second.text, `${CLIENT}:${second.port} to 127.0.0.1:${proxy.port}`);
          });
        }
      });

      describe("Unix sockets", () => {
        test("an endpoint gets the client's Host", async () => {
          assert.equal((await ask(`http://127.0.0.1:${proxy.port}/plain`, { headers: { host: "b.test" } })).text, "host b.test");
        });

        test("a client on a socket is this machine", async () => {
          const { text } = await ask("http://c.test/who", { socketPath: at("sockets/millrace.sock"), localAddress: undefined });
          assert.equal(text, "127.0.0.1 http");
          const told = await ask("http://c.test/nginx-v1", { socketPath: at("sockets/millrace.sock"), localAddress: undefined });
          // nginx writes a port of 0 as nothing.
          assert.equal(told.text, "127.0.0.1: to 0.0.0.0:");
        });

        test("one that is not there is a 502, and the log says why", async () => {
          assert.equal((await ask(`http://127.0.0.1:${proxy.port}/absent`)).status, 502);
          await proxy.until(
            (output) => /absent\.sock of upstream \S+ cannot be connected to: there is no such socket/.test(output),
            "the log line",
          );
        });
      });
    },
  );
