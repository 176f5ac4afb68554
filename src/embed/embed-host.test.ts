import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { compileCidrs } from "../base/cidr.ts";
import { plainConfig } from "../config/plain.ts";
import { ListenerContext } from "../net/accept/listener-context.ts";
import { connectionOf } from "../net/protocols.ts";
import { MemoryNetwork } from "../net/transport/memory/memory-network.ts";
import { loneThread } from "../net/warm-up.ts";
import { handleFetch } from "./handle-fetch.ts";
import { handleNodeRequest } from "./handle-node-request.ts";
import { handleUpgrade } from "./handle-upgrade.ts";

test("the ways in are there", async (t) => {
  const config = plainConfig("proxy.test:80", "http://endpoint.test:80");
  const [settings = assert.fail("there is no listener")] = config.listeners;
  const thread = loneThread(config, () => {}, new MemoryNetwork().platform);
  t.after(() => thread.close());
  const host = new ListenerContext(thread, 0, settings, { proxies: compileCidrs([]), addressFrom: "x_forwarded_for" }, connectionOf);

  assert.equal((await handleFetch(host, new Request("http://a.test/"))).status, 501);
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  handleNodeRequest(host, request, response);
  assert.equal(response.statusCode, 501);
  let nexts = 0;
  handleNodeRequest(host, request, new ServerResponse(request), () => nexts++);
  assert.equal(nexts, 1);
  const socket = new PassThrough();
  handleUpgrade(host, request, socket, Buffer.alloc(0));
  assert.match(String(socket.read()), /^HTTP\/1\.1 501 /);
});
