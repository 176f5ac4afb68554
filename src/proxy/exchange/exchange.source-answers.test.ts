/** A source that has the proxy answer in its place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Middleware } from "../feature/middleware.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import { Told, headOf } from "./sources.fixture.ts";

const GET = "GET /";
const PUT = "PUT /\nContent-Length: 4";

const asking = (head: string, source: Told, ...hooks: readonly Middleware[]): Dialogue => {
  const d = new Dialogue({ hooks: [{ name: "x", source: () => source }, ...hooks] });
  d.client.asks(head);
  return d;
};

test("its answer gets the edits of answers, and ends the exchange", () => {
  const source = new Told();
  const d = asking(PUT, source, { name: "y", onResponse: (_, response) => response.append("X-Y", String(response.head === null)) });
  d.says("client resume");
  source.answers(404);
  d.says("client answer 404 told +X-Y: true; thread finished 404 told; client finished");
  source.responds();
  source.answers(500);
  d.says("");
  assert.equal(source.aborted, 0);
  const late = new Told();
  const cut = asking(GET, late);
  late.response?.respond(headOf(200), -1);
  late.answers(404);
  cut.says("client respond 200 unknown =unknown; client cut; thread finished 200 told; client finished");
  assert.equal(late.aborted, 0);
});
