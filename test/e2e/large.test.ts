/** 1 GB through the proxy each way, with Content-Length and chunked, whole and with memory flat. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import net from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { untilStill } from "../support/still.ts";

const TOTAL = 1_000_000_000;
const CHUNK = Buffer.alloc(1_000_000, "millrace");
const ANSWER = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
/** What the proxy's memory may grow by while a gigabyte passes. */
const GROWTH_MAX = 64 * 1024 * 1024;

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
}

/** Writes the whole gigabyte with back-pressure, framed as chunks or not. */
async function writeAll(socket: Socket, chunked: boolean): Promise<void> {
  for (let sent = 0; sent < TOTAL; sent += CHUNK.length) {
    let going = true;
    if (chunked) socket.write(`${CHUNK.length.toString(16)}\r\n`);
    going = socket.write(CHUNK);
    if (chunked) going = socket.write("\r\n");
    if (!going) await once(socket, "drain");
  }
  if (chunked) socket.write("0\r\n\r\n");
}

/** Counts the bytes behind the first empty line until `enough` says so. */
function countBody(socket: Socket, enough: (bytes: number) => boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    let head = "";
    let body = -1;
    socket.on("data", (chunk: Buffer) => {
      if (body >= 0) body += chunk.length;
      else {
        head += chunk.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        body = head.length - end - 4;
      }
      if (enough(body)) resolve(body);
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed after ${body} bytes`)));
  });
}

describe("a gigabyte", () => {
  let proxy: Millrace;
  let origin: net.Server;
  let uploaded: Promise<number> = Promise.resolve(0);
  const sockets = new Set<Socket>();

  before(async () => {
    origin = net.createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("data", (first: Buffer) => {
        const head = first.toString("latin1");
        if (head.startsWith("GET /still")) socket.write(ANSWER);
        else if (head.startsWith("GET")) {
          const chunked = head.startsWith("GET /chunked");
          socket.write(
            `HTTP/1.1 200 OK\r\nConnection: close\r\n${chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${TOTAL}`}\r\n\r\n`,
          );
          void writeAll(socket, chunked).catch(() => {});
        } else takeUpload(socket, first, /transfer-encoding: chunked/i.test(head));
      });
    });
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    const { port } = origin.address() as AddressInfo;
    proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["http://127.0.0.1:${port}"] } }
routes: [{ upstream: app }]
logging: { level: warn, access: false }
`);
  });

  after(async () => {
    assert.equal(await proxy.stop(), 0);
    for (const socket of sockets) socket.destroy();
    origin.close();
  });

  function takeUpload(socket: Socket, first: Buffer, chunked: boolean): void {
    uploaded = countBody(socket, (bytes) => bytes >= TOTAL);
    // What `once` took away is given to the counter first.
    socket.emit("data", first);
    void uploaded.then(() => {
      // The last chunk may arrive in a read of its own; the answer need not wait for it to be counted.
      if (chunked) setImmediate(() => socket.write(ANSWER));
      else socket.write(ANSWER);
    });
  }

  /** Runs it while watching the proxy's memory; the growth over the start. */
  async function watched(run: () => Promise<void>): Promise<number> {
    const pid = proxy.process.pid ?? 0;
    const start = await residentBytes(pid);
    let highest = start;
    const timer = setInterval(() => {
      void residentBytes(pid).then((bytes) => {
        highest = Math.max(highest, bytes);
      });
    }, 50);
    await run();
    clearInterval(timer);
    return highest - start;
  }

  for (const path of ["/length", "/chunked"]) {
    test(`down, ${path}`, { timeout: 120_000 }, async () => {
      const growth = await watched(async () => {
        const client = net.connect(proxy.port, "127.0.0.1");
        client.write(`GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
        assert.ok((await countBody(client, (bytes) => bytes >= TOTAL)) >= TOTAL);
        client.destroy();
      });
      assert.ok(growth < GROWTH_MAX, `memory grew by ${Math.round(growth / 1e6)} MB`);
    });

    test(`up, ${path}`, { timeout: 120_000 }, async () => {
      const growth = await watched(async () => {
        const client = net.connect(proxy.port, "127.0.0.1");
        const chunked = path === "/chunked";
        client.write(`POST /up HTTP/1.1\r\nHost: a.test\r\n${chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${TOTAL}`}\r\n\r\n`);
        const answered = once(client, "data");
        await writeAll(client, chunked);
        const [answer] = (await answered) as [Buffer];
        assert.match(answer.toString("latin1"), /^HTTP\/1\.1 200 OK\r\n/);
        assert.ok((await uploaded) >= TOTAL);
        client.destroy();
      });
      assert.ok(growth < GROWTH_MAX, `memory grew by ${Math.round(growth / 1e6)} MB`);
    });
  }

  test("to a client that does not read: the origin is held back, memory stays", { timeout: 60_000 }, async () => {
    const growth = await watched(async () => {
      const client = net.connect(proxy.port, "127.0.0.1");
      client.pause();
      client.write("GET /length HTTP/1.1\r\nHost: a.test\r\n\r\n");
      // The kernel's buffers are full and the proxy has stopped reading.
      await untilStill(proxy.port, () => residentBytes(proxy.process.pid ?? 0), 1_000_000);
      client.destroy();
    });
    assert.ok(growth < GROWTH_MAX, `memory grew by ${Math.round(growth / 1e6)} MB`);
  });
});
