import assert from "node:assert/strict";
import { test } from "node:test";
import type { FromWorker } from "../shared/protocol.ts";
import { AskedOutside } from "./asked-outside.ts";

const REQUEST = { method: "GET", url: "https://id.example/", fields: [], body: null } as const;

test("each answer goes to its request, and one that comes too late to nobody", async () => {
  const sent: FromWorker[] = [];
  const outside = new AskedOutside((message) => sent.push(message));
  const [first, second] = [outside.ask(REQUEST, null), outside.ask(REQUEST, new AbortController().signal)];
  const left = new AbortController();
  const third = outside.ask(REQUEST, left.signal);
  left.abort(new Error("too late"));
  await assert.rejects(third, /too late/);
  await assert.rejects(outside.ask(REQUEST, left.signal), /too late/);
  assert.deepEqual(
    sent.map((message) => message.type === "ask-outside" && message.id),
    [1, 2, 3],
  );
  outside.take(3, { problem: "nobody hears it" });
  outside.take(2, { problem: "second" });
  outside.take(1, { problem: "first" });
  outside.take(1, { problem: "again" });
  assert.deepEqual(await Promise.all([first, second]), [{ problem: "first" }, { problem: "second" }]);
});
