/** Origins that authenticate connections (NTLM, Negotiate): what one client was let in for, no other gets. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { startMillrace } from "./support/millrace.ts";
import type { Millrace } from "./support/millrace.ts";
import { RawClient, parseResponses } from "./support/raw-client.ts";
import type { RawResponse } from "./support/raw-client.ts";
import { startRawOrigin } from "./support/raw-origin.ts";
import type { OriginRequest, RawOrigin } from "./support/raw-origin.ts";
import { WITHOUT_RAW_ACCESS } from "./support/without-raw-access.ts";

/** Who was authenticated on a connection, as an origin of this kind remembers it. */
const users = new WeakMap<Socket, string>();

function respond(socket: Socket, head: string, body: string): void {
  socket.write(`HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}

/** Three messages of NTLM on one connection, or one of Negotiate; whoever asks later on it is that user. */
function authenticate({ head, socket }: OriginRequest): void {
  const credentials = /\r\nAuthorization: (\S+) (\S+)\r\n/i.exec(head);
  const [, scheme = "", said = ""] = credentials ?? [];
  if (said === "type1") return respond(socket, `401 Unauthorized\r\nWWW-Authenticate: ${scheme} type2`, "go on");
  if (said !== "") users.set(socket, said);
  const user = users.get(socket);
  if (user !== undefined) return respond(socket, "200 OK", `page of ${user}`);
  if (head.startsWith("GET /open")) return respond(socket, "200 OK", "open to all");
  respond(socket, "401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nWWW-Authenticate: Digest realm=y, NTLM", "who are you?");
}

for (const [how, environment] of [
  ["raw sockets", {}],
  ["the streams of Node", { NODE_OPTIONS: WITHOUT_RAW_ACCESS }],
] as const) {
  describe(`connections that are authenticated, through ${how}`, { concurrency: 1 }, () => {
    let origins: RawOrigin[] = [];
    let proxy: Millrace;
    const clients: RawClient[] = [];

    before(async () => {
      origins = await Promise.all([startRawOrigin({ onRequest: authenticate }), startRawOrigin({ onRequest: authenticate })]);
      proxy = await startMillrace(
        `listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams:
  app: { endpoints: [${origins.map(({ url }) => `"${url}"`).join(", ")}] }
  one: { endpoints: ["${origins[0]?.url}"] }
routes:
  - { match: { path: /one/* }, upstream: one }
  - { upstream: app }
`,
        environment,
      );
    });
    after(async () => {
      for (const client of clients) client.destroy();
      await proxy.stop();
      await Promise.all(origins.map((origin) => origin.close()));
    });

    const connect = async (): Promise<RawClient> => {
      const client = await RawClient.connect(proxy.port);
      clients.push(client);
      return client;
    };
    const get = (client: RawClient, path: string, credentials = ""): Promise<RawResponse> =>
      ask(client, `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${credentials === "" ? "" : `Authorization: ${credentials}\r\n`}\r\n`);

    for (const [scheme, messages] of [
      ["NTLM", ["type1", "alice"]],
      ["Negotiate", ["alice"]],
      ["negotiate", ["type1", "alice"]],
      ["CredSSP", ["type1", "alice"]],
    ] as const) {
      test(`${scheme}: the handshake and all that follows stay on one connection, and nobody else gets it`, async () => {
        const alice = await connect();
        const bob = await connect();
        // Pooled connections to both endpoints, which the handshake may meet.
        for (let count = 0; count < 4; count++) assert.equal((await get(bob, "/open")).body, "open to all");
        let last: RawResponse | null = null;
        for (const message of messages) last = await get(alice, "/", `${scheme} ${message}`);
        assert.equal(last?.body, "page of alice");
        for (let count = 0; count < 6; count++) {
          assert.equal((await get(alice, "/")).body, "page of alice", "no endpoint of the group but hers is chosen");
          assert.equal((await get(bob, "/")).status, 401);
          assert.equal((await get(bob, "/open")).body, "open to all");
        }
      });
    }

    test("what is authenticated ends with its client's connection", async () => {
      const sockets = (): number =>
        origins.reduce((sum, { connections }) => sum + [...connections].filter((each) => users.has(each)).length, 0);
      for (const client of clients.splice(0)) client.destroy();
      await until(() => sockets() === 0, "the end of the connections of the tests before");
      const alice = await connect();
      assert.equal((await get(alice, "/", "NTLM alice")).body, "page of alice");
      assert.equal(sockets(), 1);
      alice.destroy();
      await until(() => sockets() === 0, "the end of Alice's connection");
    });

    test("a challenge alone binds the connection", async () => {
      const alice = await connect();
      const before = origins[0]?.accepted() ?? 0;
      assert.equal((await get(alice, "/one/a")).status, 401);
      const bob = await connect();
      assert.equal((await get(bob, "/one/open")).status, 401);
      assert.ok((origins[0]?.accepted() ?? 0) > before, "Bob's request went out on a connection of its own");
    });

    test("a scheme that stands for one request is pooled as ever", async () => {
      const accepted = (): number => origins[0]?.accepted() ?? 0;
      const alice = await connect();
      await get(alice, "/one/a");
      const before = accepted();
      for (let count = 0; count < 3; count++) {
        const client = await connect();
        await ask(client, "GET /one/open HTTP/1.1\r\nHost: a.test\r\nX-Scheme: NTLM\r\n\r\n");
        client.destroy();
      }
      assert.ok(accepted() <= before + 3);
    });

    test("a connection that died meanwhile is replaced", async () => {
      const alice = await connect();
      assert.equal((await get(alice, "/one/a", "NTLM alice")).body, "page of alice");
      for (const socket of origins[0]?.connections ?? []) if (users.get(socket) === "alice") socket.destroy();
      assert.equal((await get(alice, "/one/a")).status, 401, "as somebody unknown");
    });
  });
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = AbortSignal.timeout(5000);
  while (!condition()) {
    if (deadline.aborted) throw new Error(`waited in vain for ${what}`);
    await new Promise(setImmediate);
  }
}

/** The next request on that connection, and its response. */
async function ask(client: RawClient, request: string): Promise<RawResponse> {
  const before = parseResponses(client.received, false).length;
  client.send(request);
  const response = (await client.responses(before + 1))[before];
  assert.ok(response !== undefined);
  return response;
}
