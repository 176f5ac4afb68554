import assert from "node:assert/strict";
import { test } from "node:test";
import { buildRequestHead } from "../http/build-head.ts";
import type { RequestHead } from "../http/request-head.ts";
import { notesOf } from "./request-notes.ts";
import { shownReferer } from "./shown-referer.ts";

const headOf = (...lines: readonly (readonly [string, string])[]): RequestHead =>
  buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, lines);
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

test("the three fields, in any case, and nothing of their neighbours", () => {
  const head = headOf(
    ["Connection", "close"],
    ["USER-AGENT", "curl/8"],
    ["X-Trace-Pare", "x"],
    ["referer", "https://a.test/b?c"],
    ["Traceparent", PARENT],
  );
  const { userAgent, referer, traceId } = notesOf(head);
  assert.deepEqual([userAgent, referer, traceId], ["curl/8", "https://a.test/b", TRACE]);
  assert.equal(notesOf(head), notesOf(head), "made once");
  const none = notesOf(headOf());
  assert.deepEqual([none.userAgent, none.referer, none.traceId], ["", "", ""]);
});

test("of repeated lines the first counts, and of two traces none", () => {
  const { userAgent, referer, traceId } = notesOf(
    headOf(
      ["User-Agent", "a"],
      ["User-Agent", "b"],
      ["Referer", "/x"],
      ["Referer", "/y"],
      ["traceparent", PARENT],
      ["traceparent", PARENT],
    ),
  );
  assert.deepEqual([userAgent, referer, traceId], ["a", "/x", ""]);
});

test("a referer loses query, fragment and credentials, and what is no URL is not shown", () => {
  for (const [value, shown] of [
    ["https://a.test/b/c?token=hunter2#hunter2", "https://a.test/b/c"],
    ["https://a.test", "https://a.test"],
    ["https://user:hunter2@a.test:8443/b", "https://a.test:8443/b"],
    ["https://user:hunt@er2@a.test/", "https://a.test/"],
    ["//user:hunter2@a.test/b", "//a.test/b"],
    ["https://user:hunter2\\@a.test/b", "https://a.test/b"],
    ["https://a.test/@user/b", "https://a.test/@user/b"],
    ["/b?token=hunter2", "/b"],
    ["android-app://com.example/", "android-app://com.example/"],
    ["https://a.test#?hunter2", "https://a.test"],
    ["user:hunter2@a.test", ""],
    ["https:hunter2@a.test", ""],
    ["https:\\\\user:hunter2@a.test", ""],
    ["mailto:hunter2@a.test", ""],
    ["data:hunter2", ""],
    ["hunter2", ""],
    ["", ""],
  ] as const)
    assert.equal(shownReferer(value), shown, value);
});
