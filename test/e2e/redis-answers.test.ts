/** What comes of a store that speaks no Redis, or speaks it wrongly, over real connections. Stores that are right: stores.command.test.ts. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { redisStore } from "../../src/config/schema/stores-schema.ts";
import { monotonicMs } from "../../src/net/system-clock.ts";
import type { SharedLimit } from "../../src/proxy/feature/shared-store.ts";
import { RedisConnector } from "../../src/stores/redis/redis-connector.ts";
import { StoreClient } from "../../src/stores/store-client.ts";
import type { StoreClock } from "../../src/stores/store-connection.ts";
import { eventually } from "../support/eventually.ts";

const LIMIT: SharedLimit = { rate: { requests: 10, windowSeconds: 1, burst: 10 }, debtMax: 0, isLeased: false };
const TIMEOUT_MS = 40;
const CLOCK: StoreClock = {
  now: monotonicMs,
  after: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
  atTurnEnd: (then) => void setImmediate(then),
};

interface Stage {
  readonly client: StoreClient;
  readonly told: readonly string[];
  /** Connections that were open at some time, and those that are. */
  readonly connections: { opened: number; open: number };
  /** Waits until something of the above holds. */
  until(condition: () => boolean, what: string): Promise<void>;
}

/** @param answer what to send for the nth command that comes, from 0, over each connection; the first one loads the script */
async function stage(t: TestContext, answer: (command: number, socket: net.Socket) => string | null): Promise<Stage> {
  const connections = { opened: 0, open: 0 };
  const looks = new Set<() => void>();
  const changed = (): void => {
    for (const look of looks) look();
  };
  const server = net.createServer((socket) => {
    connections.opened++;
    connections.open++;
    changed();
    let commands = 0;
    let text = "";
    socket.on("data", (data) => {
      text += data.toString("latin1");
      // A command is an array, and its first word the only one that begins so.
      for (const _ of text.match(/\*\d+\r\n\$\d+\r\n(?:CLIENT|SCRIPT|EVALSHA|EVAL|HELLO|XRANGE)\r\n/g) ?? []) {
        const reply = answer(commands++, socket);
        if (reply !== null && !socket.destroyed) socket.write(reply, "latin1");
      }
      text = text.slice(-8);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      connections.open--;
      changed();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const told: string[] = [];
  const tell = (what: string): void => {
    told.push(what);
    changed();
  };
  const url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new StoreClient({
    connector: new RedisConnector(redisStore({ url })),
    clock: CLOCK,
    timeoutMs: TIMEOUT_MS,
    observer: { up: () => tell("up"), down: tell },
  });
  t.after(async () => {
    await client.close();
    server.close();
  });
  return {
    client,
    told,
    connections,
    until: (condition, what) =>
      eventually(
        condition,
        (look) => {
          looks.add(look);
          return () => void looks.delete(look);
        },
        5000,
        () => `waited in vain for ${what}; told: ${told.join(", ")}; ${JSON.stringify(connections)}`,
      ),
  };
}

/** As a store that knows the script: the name of the client and the script are taken, and what `reply` says answers questions. */
function scripted(reply: (question: number, socket: net.Socket) => string | null): (command: number, socket: net.Socket) => string | null {
  return (command, socket) =>
    command === 0 ? "+OK\r\n" : command === 1 ? "$40\r\n0123456789012345678901234567890123456789\r\n" : reply(command - 2, socket);
}

/** Asks three times, one after the other. Each is answered in time, with null. */
async function threeAreNull({ client }: Stage): Promise<void> {
  for (let n = 0; n < 3; n++) {
    const began = performance.now();
    assert.equal(await client.take(`k${n}`, LIMIT, 1), null);
    assert.ok(performance.now() - began < TIMEOUT_MS + 250);
  }
}

describe("a store that answers a question", () => {
  test("as it should is believed", async (t) => {
    const on = await stage(
      t,
      scripted(() => "*2\r\n:1\r\n:100000\r\n"),
    );
    await on.until(() => on.told.length > 0, "a connection");
    assert.deepEqual(await on.client.take("k", LIMIT, 1), { taken: 1, resetMs: 100 });
  });

  for (const [what, reply] of [
    ["with another kind of value", "+OK\r\n"],
    ["with a list that is too short", "*1\r\n:1\r\n"],
    ["with texts for numbers", "*2\r\n$1\r\n1\r\n$1\r\n1\r\n"],
    ["with more than was asked for", "*2\r\n:9\r\n:1\r\n"],
    ["with numbers below nothing", "*2\r\n:-1\r\n:-1\r\n"],
    ["with an error that it has made up", "-hunter2 says no\r\n"],
    ["with nothing", "$-1\r\n"],
  ] as const)
    test(`${what} has not answered, and is spared after three times`, async (t) => {
      const on = await stage(
        t,
        scripted(() => reply),
      );
      await on.until(() => on.told.length > 0, "a connection");
      await threeAreNull(on);
      assert.equal(on.client.take("k", LIMIT, 1), null);
      assert.equal(on.told.length, 2);
      assert.doesNotMatch(on.told.join(), /hunter2|OK/);
    });

  for (const [what, reply] of [
    ["in another protocol", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"],
    ["twice", "*2\r\n:1\r\n:1000\r\n*2\r\n:1\r\n:9000\r\n"],
    ["with zeros", "\0".repeat(64)],
    ["with bytes of no meaning", "\xff\xfe\x80\r\n\r\n\x00"],
  ] as const)
    test(`${what} loses its connection`, async (t) => {
      const on = await stage(
        t,
        scripted(() => reply),
      );
      await on.until(() => on.told.length > 0, "a connection");
      assert.equal(await on.client.take("k", LIMIT, 1), null);
      await on.until(() => on.connections.opened > 1, "another connection");
      assert.equal(on.connections.open, 1);
    });

  test("with a text that has no end is left after a second", async (t) => {
    let sent = 0;
    const on = await stage(
      t,
      scripted((question, socket) => {
        if (question > 0) return null;
        const more = (): void => {
          while (!socket.destroyed && sent < 1e9 && socket.write(Buffer.alloc(16_384, "x"))) sent += 16_384;
        };
        socket.on("drain", more);
        setImmediate(more);
        return "$500000000\r\n";
      }),
    );
    await on.until(() => on.told.length > 0, "a connection");
    await threeAreNull(on);
    await on.until(() => on.connections.opened > 1 && on.connections.open === 1, "another connection");
  });

  test("by ending the connection answers nobody wrongly, and is connected to again", async (t) => {
    const on = await stage(
      t,
      scripted((_question, socket) => {
        socket.write("*2\r\n:1\r\n:1");
        socket.destroy();
        return null;
      }),
    );
    await on.until(() => on.told.length > 0, "a connection");
    const answers = [1, 2, 3, 4].map((key) => on.client.take(`k${key}`, LIMIT, 1));
    assert.deepEqual(await Promise.all(answers.map(async (each) => each)), [null, null, null, null]);
    await on.until(() => on.connections.opened > 1, "another connection");
  });
});

test("a store that loads its data is no store yet", async (t) => {
  let isLoading = true;
  const right = scripted(() => "*2\r\n:1\r\n:100000\r\n");
  const on = await stage(t, (command, socket) =>
    isLoading && command === 1 ? "-LOADING Redis is loading the dataset in memory\r\n" : right(command, socket),
  );
  await on.until(() => on.told.length > 0, "a failure");
  assert.deepEqual(on.told, ["it is loading its data (LOADING)"]);
  isLoading = false;
  await on.until(() => on.told.length > 1, "the store");
  assert.equal((await on.client.take("k", LIMIT, 1))?.taken, 1);
});

test("a store that takes the connection and says nothing is no store", async (t) => {
  const on = await stage(t, () => null);
  await on.until(() => on.told.length > 0, "a failure");
  assert.match(on.told[0] ?? "", /there was no connection within/);
  assert.equal(on.client.take("k", LIMIT, 1), null);
});
