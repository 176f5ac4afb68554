import assert from "node:assert/strict";
import { test } from "node:test";
import { Dialogue } from "./fake-ports.fixture.ts";
import { Told } from "./sources.fixture.ts";
import { SourceStream } from "./source-stream.ts";
import type { SourceOwner } from "./source-stream.ts";

test("a source that was given up tells its owner nothing more", () => {
  for (const hasBegun of [false, true]) {
    const told: string[] = [];
    const owner = new Proxy({} as SourceOwner, { get: (_, name) => () => void told.push(String(name)) });
    const source = new Told();
    const d = new Dialogue();
    const stream = new SourceStream(source, "x", owner, d, true);
    d.client.asks("GET /");
    stream.send(d.client.exchange);
    if (hasBegun) source.responds();
    stream.abort();
    told.length = 0;
    source.responds();
    source.response?.resume();
    source.response?.fail(new Error("broken"));
    source.ends();
    assert.deepEqual(told, []);
    d.client.leaves();
  }
});
