import assert from "node:assert/strict";
import { test } from "node:test";
import { hiddenValues, shownFieldLine, shownTarget } from "./shown-request.ts";

test("an explanation hides credentials", () => {
  for (const line of [
    "Authorization: Bearer hunter2",
    "proxy-authorization: Basic hunter2",
    "Cookie: a=hunter2",
    "X-API-Key: hunter2",
    "X-Access-Token:hunter2",
    "X-Functions-Key: hunter2",
    "Ocp-Apim-Subscription-Key: hunter2",
    "x-amz-security-token: hunter2",
    "X-Origin-Check: hunter2",
    "X-Who: eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.hunter2hunter2hunter2hunter2",
    "Referer: https://h/?token=hunter2",
    "X-Forwarded-Uri: https://admin:hunter2@h/",
    "GET /?access_token=hunter2&a=1 HTTP/1.1",
    "GET /a?x=1&password=hunter2#b HTTP/1.1",
  ]) {
    const shown = shownFieldLine(line, new Set(["x-origin-check"]));
    assert.ok(!shown.includes("hunter2"), shown);
    assert.match(shown, /\(not shown\)/);
  }
});

test("an explanation shows everything else", () => {
  for (const line of [
    "Host: a.test:80",
    "Accept: */*",
    "X-Beta: 1",
    "Via: 1.1 millrace",
    "GET /api/%61?q=1&page=2 HTTP/1.1",
    "X-Empty: ",
  ]) {
    assert.equal(shownFieldLine(line, new Set()), line);
  }
  assert.equal(shownTarget("/api?q=a@b"), "/api?q=a@b");
});

test("an explanation says that an environment variable is set, and not to what", () => {
  assert.deepEqual(hiddenValues({ TOKEN: "hunter2", EMPTY: "", NONE: undefined }), { TOKEN: "(hidden)", EMPTY: "", NONE: "" });
});
