/** Edits of method, target, Host and status by middleware. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RequestChanges } from "../../http/head-edits.ts";
import { Dialogue } from "./fake-ports.fixture.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

function editing(edit: (edits: RequestChanges) => void, health: readonly "unknown"[] = ["unknown"]): Dialogue {
  return new Dialogue({ health, hooks: [{ name: "x", onUpstreamRequest: (_, edits) => edit(edits) }] });
}

test("method, target and Host of the request that goes upstream; each attempt begins anew", () => {
  let attempt = 0;
  const d = editing(
    (edits) => {
      if (++attempt > 1) return;
      edits.setMethod("PURGE");
      edits.setTarget("/other?x=1");
      edits.setAuthority("b.test");
    },
    ["unknown", "unknown"],
  );
  d.client.asks("PUT /");
  d.skip().upstream.connects();
  d.says("a send PURGE /other?x=1 at b.test; a end; a flush");
  d.upstream.fails("connection_terminated", { sent: false });
  d.skip().upstream.connects();
  d.says("b send PUT /; b end; client resume; b flush");
  d.upstream.brings(OK);
  d.ended("200 completed");
});

test("whether a request is sent again is decided by both methods", () => {
  for (const [asked, sent, again] of [
    ["GET", "POST", false],
    ["POST", "GET", false],
    ["GET", "PUT", true],
  ] as const) {
    const d = editing((edits) => edits.setMethod(sent), ["unknown", "unknown"]);
    d.client.asks(`${asked} /`);
    d.upstream.connects();
    d.upstream.fails("connection_terminated");
    assert.equal(d.connections.length, again ? 2 : 1, `${asked} as ${sent}`);
    if (again) d.client.leaves();
    d.isSettled();
  }
});

test("HEAD stays HEAD, and nothing else becomes it: their responses have other bodies", () => {
  for (const [asked, sent] of [
    ["GET", "HEAD"],
    ["HEAD", "GET"],
  ] as const) {
    const d = editing((edits) => edits.setMethod(sent));
    d.client.asks(`${asked} /`);
    d.upstream.connects();
    d.ended("500 internal_error");
  }
});

test("what cannot be sent: 500", () => {
  const d = editing((edits) => edits.setTarget("nowhere"));
  d.client.asks("GET /");
  d.upstream.connects();
  d.ended("500 internal_error");
});

test("the status of an origin's response, in the log too; not where it has no body, and not of the proxy's own answers", () => {
  const status = (d: Dialogue): number => d.record.status;
  const d = new Dialogue({ hooks: [{ name: "x", onResponse: (_, edits) => edits.setStatus(404) }] });
  d.client.asks("GET /");
  d.upstream.connects();
  d.skip().upstream.brings(OK);
  d.says('client respond 404 length; client data "ok"; client end; client flush; thread finished 404 completed; client finished');
  assert.equal(status(d), 404);
  d.ended("404 completed");
  const always = {
    name: "x",
    onResponse: (_: unknown, edits: { setStatus: (status: number) => void }) => edits.setStatus(200),
  };
  const none = new Dialogue({ hooks: [always] });
  none.client.asks("GET /");
  none.upstream.connects();
  none.upstream.brings("HTTP/1.1 304 Not Modified\r\n\r\n");
  none.ended("304 completed");
  const own = new Dialogue({ hooks: [always], health: ["unhealthy"] });
  own.client.asks("GET /");
  own.ended("503 no_endpoint");
});
