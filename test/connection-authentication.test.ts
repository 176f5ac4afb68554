/** Origins that authenticate connections (NTLM, Negotiate): what one client was let in for, no other gets. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { testProxy } from "../src/testing/test-proxy.ts";
import type { TestConnection } from "../src/testing/test-proxy.ts";
import { MemoryOrigin, isOver, responses } from "./support/in-memory.ts";
import type { MemoryRequest } from "./support/in-memory.ts";
import { parseResponses } from "./support/raw-client.ts";
import type { RawResponse } from "./support/raw-client.ts";

/** Who was authenticated on a connection, as an origin of this kind remembers it. */
const users = new WeakMap<TestConnection, string>();

function respond(connection: TestConnection, head: string, body: string): void {
  connection.send(`HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}

/** Three messages of NTLM on one connection, or one of Negotiate; whoever asks later on it is that user. */
function authenticate({ head, connection }: MemoryRequest): void {
  const credentials = /\r\nAuthorization: (\S+) (\S+)\r\n/i.exec(head);
  const [, scheme = "", said = ""] = credentials ?? [];
  if (said === "type1") return respond(connection, `401 Unauthorized\r\nWWW-Authenticate: ${scheme} type2`, "go on");
  if (said !== "") users.set(connection, said);
  const user = users.get(connection);
  if (user !== undefined) return respond(connection, "200 OK", `page of ${user}`);
  if (head.startsWith("GET /open")) return respond(connection, "200 OK", "open to all");
  respond(connection, "401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nWWW-Authenticate: Digest realm=y, NTLM", "who are you?");
}

const origins = [new MemoryOrigin({ onRequest: authenticate }), new MemoryOrigin({ onRequest: authenticate })] as const;
const proxy = await testProxy(
  `
listeners: [{ address: "127.0.0.1:0" }]
upstreams:
  app: { endpoints: ["http://first.test", "http://second.test"] }
  one: { endpoints: ["http://first.test"] }
routes:
  - { match: { path: /one/* }, upstream: one }
  - { upstream: app }
`,
  { upstreams: { "http://first.test": origins[0].script, "http://second.test": origins[1].script } },
);
after(() => proxy.close());

const clients: TestConnection[] = [];

describe("connections that are authenticated", () => {
  const connect = (): TestConnection => {
    const client = proxy.connect();
    clients.push(client);
    return client;
  };
  const get = (client: TestConnection, path: string, credentials = ""): Promise<RawResponse> =>
    ask(client, `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${credentials === "" ? "" : `Authorization: ${credentials}\r\n`}\r\n`);

  for (const [scheme, messages] of [
    ["NTLM", ["type1", "alice"]],
    ["Negotiate", ["alice"]],
    ["negotiate", ["type1", "alice"]],
    ["CredSSP", ["type1", "alice"]],
  ] as const) {
    test(`${scheme}: the handshake and all that follows stay on one connection, and nobody else gets it`, async () => {
      const alice = connect();
      const bob = connect();
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
    const open = (): number =>
      origins.reduce((sum, { connections }) => sum + connections.filter((each) => users.has(each) && !isOver(each)).length, 0);
    for (const client of clients.splice(0)) client.close();
    await proxy.advance(0);
    assert.equal(open(), 0, "the end of the connections of the tests before");
    const alice = connect();
    assert.equal((await get(alice, "/", "NTLM alice")).body, "page of alice");
    assert.equal(open(), 1);
    alice.close();
    await proxy.advance(0);
    assert.equal(open(), 0, "the end of Alice's connection");
  });

  test("a challenge alone binds the connection", async () => {
    const alice = connect();
    const before = origins[0].connections.length;
    assert.equal((await get(alice, "/one/a")).status, 401);
    const bob = connect();
    assert.equal((await get(bob, "/one/open")).status, 401);
    assert.ok(origins[0].connections.length > before, "Bob's request went out on a connection of its own");
  });

  test("a scheme that stands for one request is pooled as ever", async () => {
    const accepted = (): number => origins[0].connections.length;
    const alice = connect();
    await get(alice, "/one/a");
    const before = accepted();
    for (let count = 0; count < 3; count++) {
      const client = connect();
      await ask(client, "GET /one/open HTTP/1.1\r\nHost: a.test\r\nX-Scheme: NTLM\r\n\r\n");
      client.close();
    }
    assert.ok(accepted() <= before + 3);
  });

  test("a connection that died meanwhile is replaced", async () => {
    const alice = connect();
    assert.equal((await get(alice, "/one/a", "NTLM alice")).body, "page of alice");
    for (const each of origins[0].connections) if (users.get(each) === "alice") each.close();
    assert.equal((await get(alice, "/one/a")).status, 401, "as somebody unknown");
  });
});

/** The next request on that connection, and its response. */
async function ask(client: TestConnection, request: string): Promise<RawResponse> {
  const before = parseResponses(client.received, false).length;
  client.send(request);
  const response = (await responses(client, before + 1))[before];
  assert.ok(response !== undefined);
  return response;
}
