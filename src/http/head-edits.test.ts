import assert from "node:assert/strict";
import { test } from "node:test";
import { buildResponseHead } from "./build-head.ts";
import { RequestEdits, ResponseEdits } from "./head-edits.ts";

test("malformed methods, targets and hosts are refused, and the error shows no target", () => {
  const edits = new RequestEdits();
  for (const method of ["", "GET ", "G\rET", "GET\r\nX: 1", "CONNECT", "G\0T", "GÉT"])
    assert.throws(() => edits.setMethod(method), TypeError, method);
  for (const target of ["", "secret", "*", "http://a.test/", "/a b", "/a\r\nX: 1", "/a\0", "/#a", "/\u0100", "/\x80"]) {
    assert.throws(
      () => edits.setTarget(target),
      (error) => error instanceof TypeError && !error.message.includes("secret"),
      target,
    );
  }
  for (const authority of ["", "a b", "user@a.test", "a.test\r\nX: 1", "a.test:99999", "a/b"]) {
    assert.throws(() => edits.setAuthority(authority), TypeError, authority);
  }
  assert.deepEqual([edits.method, edits.target, edits.authority], [null, null, null]);
});

test("reset forgets the edits of one head before the next", () => {
  const edits = new RequestEdits();
  edits.setMethod("PURGE");
  edits.setTarget("/a?b=%20");
  edits.setAuthority("[::1]:8080");
  edits.bodyLength = 3;
  edits.append("x-a", "1");
  assert.deepEqual([edits.method, edits.target, edits.authority], ["PURGE", "/a?b=%20", "[::1]:8080"]);
  edits.reset();
  assert.deepEqual(edits, new RequestEdits());
  const response = new ResponseEdits();
  response.begin(buildResponseHead({ status: 200 }, []), 200);
  response.setStatus(404);
  response.reset();
  assert.deepEqual(response, new ResponseEdits());
});

test("a status that is not final or has no body cannot be set", () => {
  const edits = new ResponseEdits();
  edits.begin(buildResponseHead({ status: 200 }, []), 200);
  for (const status of [0, 100, 101, 199, 204, 304, 600, 200.5, NaN])
    assert.throws(() => edits.setStatus(status), RangeError, String(status));
  for (const status of [200, 206, 404, 599]) edits.setStatus(status);
  assert.equal(edits.status, 599);
});

test("a status cannot be set where that would change whether there is a body, nor on the proxy's own answers", () => {
  for (const [head, status] of [
    [null, 429],
    [buildResponseHead({ status: 204 }, []), 204],
    [buildResponseHead({ status: 304 }, []), 304],
  ] as const) {
    const edits = new ResponseEdits();
    edits.begin(head, status);
    edits.setStatus(200);
    assert.deepEqual([edits.status, edits.newStatus], [status, null]);
  }
});
