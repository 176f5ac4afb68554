import assert from "node:assert/strict";
import { test } from "node:test";
import { buildResponseHead } from "./build-head.ts";
import { ResponseEdits } from "./head-edits.ts";
import { interimLines, unframedLines } from "./response-lines.ts";
import type { UnframedResponse } from "./response-lines.ts";

const EPOCH_MS = 0;
const DATE = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

function lines(
  fields: readonly (readonly [string, string])[],
  { edit = () => {}, status = 200, ...how }: Partial<UnframedResponse> & { edit?: (edits: ResponseEdits) => void; status?: number } = {},
): string {
  const edits = new ResponseEdits();
  edit(edits);
  return unframedLines(buildResponseHead({ status }, fields), edits, {
    length: 2,
    hasTrailers: false,
    isHttp1: true,
    epochMs: EPOCH_MS,
    ...how,
  });
}

test("hop-by-hop fields, named ones and the framing of HTTP/1 are left out, and a missing Date is added", () => {
  const fields = [
    ["A", "1"],
    ["Connection", "close, X-Named"],
    ["X-Named", "1"],
    ["Keep-Alive", "timeout=1"],
    ["Content-Length", "2"],
    ["Trailer", "X-Sum"],
  ] as const;
  assert.equal(lines(fields), `A: 1\r\nContent-Length: 2\r\n${DATE}`);
  assert.equal(
    lines(
      [
        ["Transfer-Encoding", "chunked"],
        ["Trailer", "X-Sum"],
        ["Date", "then"],
      ],
      { length: -1, hasTrailers: true },
    ),
    "Trailer: X-Sum\r\nDate: then\r\n",
  );
});

test("edits hold, and a replaced body has its own length or none", () => {
  const fields = [
    ["Content-Length", "2"],
    ["X-Old", "1"],
  ] as const;
  const replaced = (bodyLength: number): string =>
    lines(fields, {
      edit: (edits) => {
        edits.remove("x-old");
        edits.append("X-New", "2");
        edits.bodyLength = bodyLength;
      },
    });
  assert.equal(replaced(9), `X-New: 2\r\nContent-Length: 9\r\n${DATE}`);
  assert.equal(replaced(-1), `X-New: 2\r\n${DATE}`);
  assert.equal(lines([], { edit: (edits) => edits.remove("date") }), "");
});

test("a 426 says what to upgrade to, where there is a connection to upgrade", () => {
  const fields = [
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Date", "then"],
  ] as const;
  assert.equal(lines(fields, { status: 426 }), "Upgrade: websocket\r\nDate: then\r\nConnection: upgrade\r\n");
  assert.equal(lines(fields, { status: 426, isHttp1: false }), "Date: then\r\n");
});

test("an interim response has its end-to-end fields, and no Date is added", () => {
  assert.equal(
    interimLines(
      buildResponseHead({ status: 103 }, [
        ["Link", "</a>"],
        ["Connection", "close"],
      ]),
    ),
    "Link: </a>\r\n",
  );
});
