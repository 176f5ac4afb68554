import assert from "node:assert/strict";
import { once } from "node:events";
import type net from "node:net";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { plainConfig } from "../../config/plain.ts";
import type { AccessRecord } from "../../observe/access-record.ts";
import { ListenerContext, trustOf } from "./listener-context.ts";
import { Listener } from "./listener.ts";
import { loneThread } from "../lone-thread.ts";
import { connectionOf } from "../protocols.ts";
import { rawAccess } from "../transport/raw-access.ts";
import type { RawAccess } from "../transport/raw-access.ts";

/** Starts `origin`, and a listener in this thread that forwards to it, each on a free port. Both are closed after the test. */
export async function startListener(
  t: TestContext,
  origin: net.Server,
  access: RawAccess | null = rawAccess(),
  logged: (record: AccessRecord) => void = () => {},
): Promise<{ port: number; context: ListenerContext }> {
  await once(origin.listen(0, "127.0.0.1"), "listening");
  const config = plainConfig("127.0.0.1:0", `http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
  const [listening] = config.listeners;
  assert.ok(listening !== undefined);
  const thread = loneThread(config, logged);
  const context = new ListenerContext(thread, 0, listening, trustOf(config), connectionOf);
  const listener = new Listener(context, access);
  await listener.listen({ kind: "tcp", host: "127.0.0.1", port: 0, reusePort: false });
  t.after(() => {
    listener.close();
    for (const connection of context.connections) connection.cutNow();
    thread.close();
    origin.close();
  });
  return { port: listener.port, context };
}
