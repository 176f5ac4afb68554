import assert from "node:assert/strict";
import { test } from "node:test";
import { EventData } from "./event-data.ts";

/** The data of the events in a text that comes in parts of that many bytes. */
function dataOf(text: string, step: number): readonly string[] {
  const events: string[] = [];
  let data = "";
  const reader = new EventData({
    scan: (bytes, start, end) => {
      data += new TextDecoder().decode(bytes.subarray(start, end));
    },
    restart: () => {
      if (data !== "") events.push(data);
      data = "";
    },
  });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += step) reader.scan(bytes, at, Math.min(bytes.length, at + step));
  return events;
}

test("the data of events, whatever ends their lines and wherever they are cut", () => {
  const lines = [
    ": a comment",
    "event: message_start",
    'data: {"a":1}',
    "",
    'data:{"b":',
    "id: 7",
    "data: 2}",
    "",
    "",
    "dat: no",
    "datax: no",
    " data: no",
    "data",
    "",
    "data: [DONE]",
    "",
    "data: not ended",
  ];
  for (const end of ["\n", "\r\n", "\r"])
    for (const step of [1, 2, 3, 5, 1000]) {
      const expected = [' {"a":1}\n', '{"b":\n 2}\n', " [DONE]\n"];
      assert.deepEqual(dataOf(lines.join(end), step), expected, JSON.stringify([end, step]));
    }
});

test("a byte order mark at the beginning, and only there", () => {
  for (const step of [1, 2, 100]) {
    assert.deepEqual(dataOf("\uFEFFdata: a\n\n", step), [" a\n"]);
    assert.deepEqual(dataOf("\n\uFEFFdata: a\n\n", step), []);
    assert.deepEqual(dataOf("data: a\n\n\uFEFFdata: b\n\n", step), [" a\n"]);
  }
});
