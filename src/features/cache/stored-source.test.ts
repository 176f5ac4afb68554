import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { buildRequestHead } from "../../http/build-head.ts";
import type { SourceResponse } from "../../proxy/feature/response-source.ts";
import type { StoredRecord } from "../../proxy/feature/response-store.ts";
import type { StoredResponse } from "./stored-response.ts";
import { StoredSource } from "./stored-source.ts";

const STORED: StoredResponse = {
  receivedMs: 0,
  initialAgeMs: 0,
  lifetimeMs: 1000,
  alwaysValidated: false,
  neverStale: false,
  whileRevalidateMs: 0,
  ifErrorMs: 0,
  isShareable: true,
  status: 200,
  reason: "OK",
  fields: [],
};

interface Stage {
  readonly source: StoredSource;
  readonly releases: () => number;
  readonly sent: Buffer[];
  /** Whether the client takes what is sent. */
  takes: boolean;
  readonly response: SourceResponse;
}

function stage(): Stage {
  let releases = 0;
  const record: StoredRecord = {
    head: "",
    bodyBytes: 6,
    piece: (at) => Buffer.from("abcdef".slice(at, at + 2)),
    release: () => void releases++,
  };
  const made: Stage = {
    source: new StoredSource(STORED, record),
    releases: () => releases,
    sent: [],
    takes: true,
    response: {
      respond: () => {},
      answer: () => {},
      write: (bytes) => void made.sent.push(bytes),
      flush: () => made.takes,
      end: () => {},
      fail: () => {},
      resume: () => {},
    },
  };
  return made;
}

const request = { request: buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, []), requestLength: 0 };

test("a record is released once: when all was taken, when the client leaves, or when nothing of it was ever sent", () => {
  const whole = stage();
  whole.source.start(request, whole.response);
  assert.equal(Buffer.concat(whole.sent).toString(), "abcdef");
  whole.source.letGo();
  assert.equal(whole.releases(), 1);

  const slow = stage();
  slow.takes = false;
  const input = slow.source.start(request, slow.response);
  slow.source.letGo();
  assert.equal(slow.releases(), 0, "bytes of it are still on their way");
  input.writable?.();
  input.abort?.();
  input.abort?.();
  assert.deepEqual([slow.releases(), Buffer.concat(slow.sent).toString()], [1, "abcd"]);

  const never = stage();
  never.source.letGo();
  never.source.letGo();
  assert.equal(never.releases(), 1);
});

test("the end of the request does not end a response that its client takes slowly", () => {
  const slow = stage();
  slow.takes = false;
  const input = slow.source.start(request, slow.response);
  input.end?.(null);
  assert.equal(slow.releases(), 0);
  slow.takes = true;
  input.writable?.();
  assert.deepEqual([slow.releases(), Buffer.concat(slow.sent).toString()], [1, "abcdef"]);
});
