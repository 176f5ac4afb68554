import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { warmUp } from "./warm-up.ts";

const LINUX = { skip: process.platform === "linux" ? false : "only Linux has the address" };

const LATER = 600_000;

/** Sockets and listeners that this process has open. */
function sockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP")).length;
}

/** Waits until no socket is left: a closed socket counts as open until the end of the turn. */
async function noneLeft(): Promise<void> {
  const deadline = performance.now() + 5000;
  while (sockets() > 0 && performance.now() < deadline) await new Promise(setImmediate);
  assert.equal(sockets(), 0);
}

test("all exchanges take place, and nothing stays open", LINUX, async () => {
  assert.equal(await warmUp({ exchanges: 500, dueMs: LATER }), 500);
  await noneLeft();
});

test("the time limit ends the warm-up at any point, and nothing stays open", LINUX, async () => {
  for (const ms of [0, 2, 5, 20]) {
    await warmUp({ exchanges: Infinity, dueMs: performance.now() + ms });
    await noneLeft();
  }
});

test("an address that is not this machine's rejects and is named", async () => {
  await assert.rejects(warmUp({ address: "192.0.2.1" }), /192\.0\.2\.1/);
});

test("a client that connects during the warm-up is answered or disconnected", LINUX, async () => {
  const ports = new Set<number>();
  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (this: net.Server, ...given: unknown[]) {
    this.once("listening", () => ports.add((this.address() as net.AddressInfo).port));
    return Reflect.apply(listen, this, given) as net.Server;
  } as typeof listen;
  const ended: Promise<unknown>[] = [];
  try {
    const over = warmUp({ exchanges: 2000, dueMs: LATER });
    while (ports.size < 2) await new Promise(setImmediate);
    for (const port of ports) {
      const socket = net.connect(port, "127.77.0.1").on("error", () => {});
      socket.resume();
      ended.push(once(socket, "close"));
    }
    await over;
  } finally {
    net.Server.prototype.listen = listen;
  }
  await Promise.all(ended);
  await noneLeft();
});
