/** Connections to endpoints end at their greatest age (`keep_alive.max_age`), busy or idle, except those on which a user was authenticated. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { OK, get, origin, stage } from "../../stage.fixture.ts";
import type { Stage } from "../../stage.fixture.ts";

const AGE_MS = 10_000;
const LIMIT = { timeout: 20_000 };

interface Aging extends Stage {
  /** The origin's sockets, in the order in which they brought their first request. */
  readonly sockets: readonly Socket[];
  /** Sends a request, and waits for its answer. */
  ask(request: string): Promise<void>;
  /** How many answers have come. */
  answers(count: number): Promise<void>;
}

async function aging(t: TestContext, hold: (head: string) => boolean = () => false): Promise<Aging> {
  t.mock.method(Math, "random", () => 0);
  const sockets: Socket[] = [];
  const url = await origin(t, (head, socket) => {
    if (!sockets.includes(socket)) sockets.push(socket);
    if (!hold(head)) socket.write(OK);
  });
  const one = stage(t, url, ({ upstreams }) => {
    for (const { keep_alive: keepAlive } of Object.values(upstreams)) keepAlive.max_age = AGE_MS;
  });
  const answers = async (count: number): Promise<void> => {
    while (one.client.statuses.length < count || !one.client.received.endsWith("ok")) {
      await turn();
      one.thread.writes.flush();
    }
  };
  const ask = async (request: string): Promise<void> => {
    const count = one.client.statuses.length + 1;
    one.client.send(request);
    await answers(count);
  };
  return { ...one, sockets, ask, answers };
}

test("a connection that grows old while it idles is not used again", LIMIT, async (t) => {
  const { ask, pass, sockets } = await aging(t);
  await ask(get("/"));
  pass(AGE_MS - 1000);
  await ask(get("/"));
  assert.equal(sockets.length, 1);
  pass(2000);
  await ask(get("/"));
  assert.equal(sockets.length, 2);
});

test("a connection that grows old during an exchange ends with the exchange", LIMIT, async (t) => {
  const { client, answers, pass, sockets } = await aging(t, (head) => head.startsWith("GET /slow"));
  client.send(get("/slow"));
  while (sockets[0] === undefined) await turn();
  pass(AGE_MS + 1000);
  const ended = once(sockets[0], "end");
  sockets[0].write(OK);
  await answers(1);
  await ended;
});

test("a connection on which a user was authenticated stays: its end would interrupt the login", LIMIT, async (t) => {
  const { ask, pass, sockets } = await aging(t);
  const login = "GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: NTLM type1\r\n\r\n";
  await ask(login);
  pass(2 * AGE_MS);
  await ask(login);
  assert.equal(sockets.length, 1);
});
