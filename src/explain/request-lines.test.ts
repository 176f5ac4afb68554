import assert from "node:assert/strict";
import { test } from "node:test";
import { readRequestLines } from "./request-lines.ts";

const [none] = [{ route: null, end: null }];

test("a request, its fields and its client, and what is expected of it", () => {
  const [first, second] = readRequestLines(
    `# a comment\n\n  GET https://a.test/x -H 'X-Beta: 1' -H "Cookie: a='b'" --client 10.0.0.1   => upstream app /y?z\r\nPUT /x`,
  );
  assert.deepEqual(first, {
    line: 3,
    request: { method: "GET", url: "https://a.test/x", fields: ["X-Beta: 1", "Cookie: a='b'"], client: "10.0.0.1" },
    text: `GET https://a.test/x -H 'X-Beta: 1' -H "Cookie: a='b'" --client 10.0.0.1`,
    expected: { text: "upstream app /y?z", route: null, end: { kind: "upstream", upstream: "app", target: "/y?z" } },
  });
  assert.deepEqual(second, {
    line: 4,
    request: { method: "PUT", url: "/x", fields: [], client: undefined },
    text: "PUT /x",
    expected: null,
  });
});

test("every form of an expectation", () => {
  for (const [text, expected] of [
    ["upstream app", { ...none, end: { kind: "upstream", upstream: "app", target: null } }],
    ["404", { ...none, end: { kind: "answer", status: 404, location: null } }],
    ["308 https://b.test/?a=>b", { ...none, end: { kind: "answer", status: 308, location: "https://b.test/?a=>b" } }],
    ["route api", { ...none, route: "api" }],
    ["route #2 upstream app", { route: "#2", end: { kind: "upstream", upstream: "app", target: null } }],
    ["route api 401", { route: "api", end: { kind: "answer", status: 401, location: null } }],
  ] as const) {
    const [line] = readRequestLines(`GET /x=>y => ${text}`);
    assert.deepEqual(line !== undefined && "expected" in line ? line.expected : line, { text, ...expected });
  }
});

test("an arrow in quotation marks is none, and a field may have any characters", () => {
  const [line] = readRequestLines(`GET /'=>' -H 'A: =>' -H "B: #"`);
  assert.deepEqual(line, {
    line: 1,
    request: { method: "GET", url: "/=>", fields: ["A: =>", "B: #"], client: undefined },
    text: `GET /'=>' -H 'A: =>' -H "B: #"`,
    expected: null,
  });
});

test("what is wrong with a line", () => {
  for (const [text, problem] of [
    ["GET", /expected a method and a URL/],
    ["GET -H 'a: b'", /expected a method and a URL/],
    ["=> 404", /expected a method and a URL/],
    ["GET / 'a: b'", /expected -H/],
    ["GET / -X POST", /expected -H/],
    ["GET / -H", /-H needs a value/],
    ["GET / --client 1 --client 2", /twice/],
    ["GET / -H 'a: b", /quotation mark/],
    ["GET / =>", /nothing follows/],
    ["GET / => app", /expected `upstream NAME/],
    ["GET / => upstream", /name is missing/],
    ["GET / => route", /name is missing/],
    ["GET / => 404 /x more", /no more than/],
    ["GET / => upstream app /x more", /no more than/],
    ["GET / => 999", /expected `upstream NAME/],
  ] as const) {
    const [line] = readRequestLines(`\n${text}`);
    assert.ok(line !== undefined && "problem" in line, text);
    assert.match(line.problem, problem);
    assert.equal(line.line, 2);
  }
});
