/** Thousands of TLS connections that wait: what each costs, that others are served meanwhile, and what clients that are slow in their handshake get. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { mostIdle } from "../../bench/load/idle.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { RawClient, askOn, get } from "../support/raw-client.ts";
import { Scrape } from "../support/scrape.ts";
import { TLS_FILES } from "../support/tls-files.ts";

const IDLE = mostIdle(5000);
const SLOW = 50;
const HANDSHAKE_MS = 8000;
/** What one idle connection may cost: OpenSSL's state, the buffers between it and the socket, and ours. 48 KB, and what the allocator keeps besides. */
const BYTES_EACH_MAX = 60_000;
const PROGRAM = fileURLToPath(new URL("../../bench/load/idle-program.ts", import.meta.url));

describe("many TLS connections", { concurrency: 1 }, () => {
  let proxy: Millrace;
  /** Of the listener whose handshakes have a short time limit, and of which few may be under way. */
  let hastyPort = 0;

  before(async () => {
    const tls = `tls: { certificates: [{ cert_file: "${TLS_FILES.certificate}", key_file: "${TLS_FILES.key}" }] }`;
    proxy = await startMillrace(`
listeners:
  - { address: "127.0.0.1:0", ${tls}, timeouts: { keep_alive: 10m }, limits: { connections_per_client: 2000 } }
  - { address: "127.0.0.1:0", ${tls}, timeouts: { handshake: ${HANDSHAKE_MS}ms }, limits: { handshakes: ${SLOW} } }
workers: 1
upstreams: {}
routes: [{ respond: { status: 200, body: "ok" } }]
admin: { address: "127.0.0.1:0" }
logging: { access: false }
`);
    const ports = (output: string): number[] => [...output.matchAll(/listening on https:[^\s"]*:(\d+)/g)].map(([, port]) => Number(port));
    await proxy.until((output) => ports(output).length === 2, "both listeners");
    hastyPort = ports(proxy.output())[1] ?? 0;
  });

  after(async () => {
    assert.equal(await proxy.stop(), 0);
  });

  const connect = (port: number): Promise<RawClient> => RawClient.connectTls(port, { ca: TLS_FILES.ca, servername: "a.test" });

  test(`${IDLE} idle ones cost little, and another client is served`, { timeout: 120_000 }, async (t) => {
    assert.equal((await askOn(await connect(proxy.port), get("/"))).status, 200);
    const before = await residentBytes(proxy);
    const clients = spawn(process.execPath, [PROGRAM, String(proxy.port), String(IDLE), get("/"), "tls"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => end(clients));
    const said = await Promise.race([once(clients.stdout, "data"), once(clients, "exit")]);
    assert.equal(String(said[0]).trim(), `open ${IDLE}`);
    const each = ((await residentBytes(proxy)) - before) / IDLE;
    t.diagnostic(`${Math.round(each)} bytes each`);
    assert.ok(each < BYTES_EACH_MAX, `${each} bytes each`);
    assert.ok((await Scrape.of(proxy.adminPort)).single("connections_open") >= IDLE);
    assert.equal((await askOn(await connect(proxy.port), get("/"))).status, 200);
    // Those that wait do not keep the proxy from noticing that they leave.
    await end(clients);
    while ((await Scrape.of(proxy.adminPort)).single("connections_open") > 0) await new Promise(setImmediate);
  });

  test(
    "slow ones fill the handshakes that may be under way, are gone at the time limit, and leave established clients alone",
    { timeout: 60_000 },
    async (t) => {
      const established = await connect(hastyPort);
      t.after(() => established.destroy());
      const served = async (): Promise<void> => {
        established.received = "";
        established.send(get("/"));
        assert.equal((await established.response()).status, 200);
      };
      // A client has finished its handshake before the proxy has.
      await served();
      const began = performance.now();
      // Of several clients, because one may have a share of the handshakes only.
      const slow = Array.from({ length: SLOW }, (_, index) =>
        net
          .connect({ port: hastyPort, host: "127.0.0.1", localAddress: `127.0.0.${2 + (index % 4)}`, noDelay: true })
          .on("error", () => {}),
      );
      const closed = Promise.all(slow.map((socket) => new Promise((resolve) => socket.resume().once("close", resolve))));
      await Promise.all(slow.map((socket) => once(socket, "connect")));
      const hello = Buffer.from("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "latin1");
      // A byte now and then, soon after another: each is progress, and none of it counts.
      for (const byte of hello) for (const socket of slow) if (!socket.destroyed) socket.write(Buffer.of(byte));
      while ((await Scrape.of(proxy.adminPort)).single("connections_open") < SLOW + 1)
        assert.ok(performance.now() - began < HANDSHAKE_MS, "not all of them are let in");
      // No further handshake begins, and whoever has finished one is served.
      await assert.rejects(connect(hastyPort));
      for (let count = 0; count < 100; count++) await served();
      await closed;
      const took = performance.now() - began;
      assert.ok(took > HANDSHAKE_MS * 0.9, `closed after ${took} ms`);
      assert.equal((await askOn(await connect(hastyPort), get("/"))).status, 200);
    },
  );
});

async function residentBytes({ process: { pid } }: Millrace): Promise<number> {
  const status = await readFile(`/proc/${pid ?? 0}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await once(child, "exit");
}
