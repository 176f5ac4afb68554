/** Large bodies of many connections share few buffers: no connection gets bytes of another, however fast each body is taken. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { startListener } from "./accept/lone-listener.fixture.ts";

const BODY_BYTES = 6 * 1024 * 1024;
const CLIENTS = 6;
const MESSAGES = 4;

/** The body of one message: a repeated pattern that no other message has. */
function bodyOf(client: number, message: number): Buffer {
  return Buffer.alloc(BODY_BYTES + 1000 * message, `${client}.${message}.`);
}

/** Reads messages with Content-Length, one after another. In the middle of each, reading pauses until `halfway` resolves. */
function readMessages(
  socket: net.Socket,
  onMessage: (head: string, digest: string) => void,
  halfway: (head: string) => Promise<void>,
): void {
  let head = "";
  let rest = 0;
  let size = 0;
  let hash = createHash("sha256");
  const onData = (chunk: Buffer): void => {
    let bytes = chunk;
    if (rest === 0) {
      const text = bytes.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) {
        socket.unshift(bytes);
        return;
      }
      head = text.slice(0, end);
      size = rest = Number(/content-length: (\d+)/i.exec(head)?.[1]);
      hash = createHash("sha256");
      bytes = bytes.subarray(end + 4);
    }
    const part = bytes.subarray(0, rest);
    const isHalf = rest > size / 2 && rest - part.length <= size / 2;
    hash.update(part);
    rest -= part.length;
    if (isHalf) {
      socket.pause();
      void halfway(head).then(() => socket.resume());
    }
    if (rest === 0) onMessage(head, hash.digest("hex"));
  };
  socket.on("error", () => {}).on("data", onData);
}

interface Setup {
  readonly port: number;
  /** Digests of the bodies that the origin received, by request target. */
  readonly digests: ReadonlyMap<string, string>;
}

/** Starts an origin that pauses half-way through requests to `/slow...` until `gate` resolves, and answers each with a body of the same size. */
async function start(t: TestContext, gate: Promise<void>): Promise<Setup> {
  const digests = new Map<string, string>();
  const origin = net.createServer((socket) => {
    readMessages(
      socket,
      (head, digest) => {
        const [, target = "", client = "", message = ""] = /^POST (\/[a-z]+(\d+)\/(\d+)) /.exec(head) ?? [];
        digests.set(target, digest);
        const body = bodyOf(Number(client), Number(message));
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
        socket.write(body);
      },
      (head) => (head.startsWith("POST /slow") ? gate : Promise.resolve()),
    );
  });
  const { port } = await startListener(t, origin);
  return { port, digests };
}

/** Sends all messages of one client, each after the answer to the previous one; resolves with the digests of the answers. */
async function send({ port }: Setup, t: TestContext, client: number, name: string, gate: Promise<void>): Promise<string[]> {
  const socket = net.connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket, "connect");
  const answers: string[] = [];
  const waiting: (() => void)[] = [];
  readMessages(
    socket,
    (head, digest) => {
      assert.match(head, /^HTTP\/1\.1 200/);
      answers.push(digest);
      waiting.shift()?.();
    },
    () => (name === "slow" ? gate : Promise.resolve()),
  );
  for (let message = 0; message < MESSAGES; message++) {
    const answered = new Promise<void>((resolve) => waiting.push(resolve));
    const body = bodyOf(client, message);
    socket.write(`POST /${name}${client}/${message} HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n`);
    socket.write(body);
    await answered;
  }
  return answers;
}

test("requests and responses arrive as they were sent, while some are taken late", async (t) => {
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  const setup = await start(t, gate);
  const clients = Array.from({ length: CLIENTS }, (_, client) => ({ client, name: client % 3 === 0 ? "slow" : "quick" }));
  const all = clients.map(({ client, name }) => send(setup, t, client, name, gate));
  await Promise.all(all.filter((_, index) => clients[index]?.name === "quick"));
  open();
  const answers = await Promise.all(all);
  for (const { client, name } of clients) {
    for (let message = 0; message < MESSAGES; message++) {
      const digest = createHash("sha256").update(bodyOf(client, message)).digest("hex");
      assert.equal(setup.digests.get(`/${name}${client}/${message}`), digest, `request ${message} of ${name} ${client}`);
      assert.equal(answers[client]?.[message], digest, `response ${message} of ${name} ${client}`);
    }
  }
});
