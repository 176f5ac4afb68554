/** Programs that embed the proxy and do with its requests and responses what they should not. */
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { handleFetch } from "../src/embed/handle-fetch.ts";
import { handleNodeRequest } from "../src/embed/handle-node-request.ts";
import { embedded, embeddingProgram } from "./support/embedded.ts";
import { RawClient, ask, get } from "./support/raw-client.ts";
import { startRawOrigin } from "./support/raw-origin.ts";
import type { RawOrigin } from "./support/raw-origin.ts";

async function rawOrigin(t: TestContext): Promise<RawOrigin> {
  const origin = await startRawOrigin({});
  t.after(() => origin.close());
  return origin;
}

/** A request with a body. */
function post(body: string, fields: readonly string[] = [`Content-Length: ${body.length}`]): string {
  return `POST /p HTTP/1.1\r\nHost: a.test\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n${body}`;
}

test("what a method of the program's request or response throws ends that request alone", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url);
  const boom = (): never => {
    throw new Error("a secret");
  };
  const broken: ((request: IncomingMessage, response: ServerResponse) => void)[] = [
    (_, response) => (response.setHeader = boom),
    (_, response) => (response.hasHeader = boom),
    (_, response) => (response.writeHead = boom),
    (_, response) => (response.write = boom),
    (_, response) => void Object.defineProperty(response, "writableEnded", { get: () => response.headersSent && boom() }),
    (request) => (request.resume = boom),
  ];
  for (const breakIt of broken) {
    const port = await embeddingProgram(t, proxy, (request, response) => {
      breakIt(request, response);
      handleNodeRequest(proxy.host, request, response);
    });
    const client = await RawClient.connect(port);
    client.send(post("four"));
    await client.end();
    assert.equal(proxy.host.connections.size, 0);
    const event = proxy.events.at(-1);
    assert.equal(event?.event, "request_unusable");
    assert.equal(JSON.stringify(event).includes("secret"), false);
  }
  await proxy.logged(broken.length);
});

test("what the program's response throws before anything has begun is thrown to the program, and leaves nothing behind", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url);
  const port = await embeddingProgram(t, proxy, (request, response) => {
    const { on } = response;
    response.on = () => assert.fail("not today");
    assert.throws(() => handleNodeRequest(proxy.host, request, response), /not today/);
    response.on = on;
    response.end("mine");
  });
  assert.equal((await ask(port, get("/"))).body, "mine");
  assert.equal(proxy.host.connections.size, 0);
});

test("a body of which the program wants text is refused", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url);
  const port = await embeddingProgram(t, proxy, (request, response) => {
    handleNodeRequest(proxy.host, request, response);
    request.setEncoding("utf8");
  });
  assert.equal((await ask(port, post("four"))).status, 400);
});

test("a body of more levels than the stack has room for is lost", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url);
  const port = await embeddingProgram(t, proxy, (request, response) => {
    request.resume().on("end", () => {
      let body: object = {};
      for (let level = 0; level < 100_000; level++) body = { a: body };
      handleNodeRequest(proxy.host, Object.assign(request, { body }), response);
    });
  });
  const fields = ["Content-Length: 4", "Content-Type: application/x-www-form-urlencoded"];
  assert.equal((await ask(port, post("a[a]", fields))).status, 500);
});

test("a request of the web's standard that cannot be read is an error of the call, and leaves nothing behind", async (t) => {
  const origin = await rawOrigin(t);
  const { host } = embedded(t, origin.url);
  for (const name of ["method", "url", "headers", "body"]) {
    const request = new Request("http://a.test/");
    Object.defineProperty(request, name, { get: () => assert.fail("not today") });
    await assert.rejects(handleFetch(host, request), /not today/);
    assert.equal(host.connections.size, 0);
  }
});

test("what is pipelined after a refused request goes nowhere", async (t) => {
  const origin = await rawOrigin(t);
  const proxy = embedded(t, origin.url);
  let handed = 0;
  const port = await embeddingProgram(t, proxy, (request, response) => {
    handed++;
    handleNodeRequest(proxy.host, request, response);
  });
  const client = await RawClient.connect(port);
  client.send(`${get("/a%00")}${get("/next")}`);
  await client.end();
  assert.deepEqual([handed, origin.accepted(), proxy.host.connections.size], [2, 0, 0]);
  assert.equal(client.received.match(/HTTP\/1/g)?.length, 1);
});
