import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeFieldValue, escapeFor, escapeHtml, escapeJson, escapeUrl } from "./escapes.ts";
import { cookieValue, cookieValues, queryValue } from "./request-values.ts";
import { KEYED_VARIABLES, VARIABLES, constantOf, fillIn, parseTemplate } from "./template.ts";
import type { Template } from "./template.ts";

function parsed(text: string): Template {
  const result = parseTemplate(text);
  assert.ok("template" in result, text);
  return result.template;
}

const shown = (text: string): string => fillIn(parsed(text), ({ name, key }) => `<${name}${key === "" ? "" : `:${key}`}>`);

test("every variable is known, with its part or without", () => {
  for (const name of Object.keys(VARIABLES)) assert.equal(shown(`a{${name}}b`), `a<${name}>b`);
  for (const name of Object.keys(KEYED_VARIABLES))
    assert.equal(shown(`{${name}.A_b1}`), `<${name}:${name === "header" ? "a_b1" : "A_b1"}>`);
  assert.equal(shown("{host}{uri}?x={query.x}"), "<host><uri>?x=<query:x>");
});

test("two braces are one, and other braces are text", () => {
  for (const [text, expected] of [
    ['{"ok":true}', '{"ok":true}'],
    ["body{margin:0}", "body{margin:0}"],
    ["{", "{"],
    ["}{ }", "}{ }"],
    ["{}", "{}"],
    ["{{host}", "{host}"],
    ["{{{host}", "{<host>"],
    ["{{{{", "{{"],
    ["{1}", "{1}"],
    ["{Host}", "{Host}"],
    ["{host }", "{host }"],
    ["{a b}", "{a b}"],
    ["${host}", "$<host>"],
    ["", ""],
  ] as const) {
    assert.equal(shown(text), expected, text);
  }
});

test("what looks like a variable and is none is a problem", () => {
  for (const text of [
    "{hots}",
    "{header}",
    "{header.}",
    "{header.a b}x{nope}",
    "{host.name}",
    "{env.1}",
    "{cookie.a;b}",
    "{constructor}",
    "{__proto__x}{to_string}",
  ]) {
    const result = parseTemplate(text);
    assert.ok("problem" in result, text);
    assert.match(result.problem, /write \{\{/);
  }
});

test("any text can be written as a template, and values are put in as they are", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (literal, value) => {
      const template = parsed(`${literal.replaceAll("{", "{{")}{path}`);
      assert.equal(
        fillIn(template, () => value),
        literal + value,
      );
      assert.equal(constantOf(parsed(literal.replaceAll("{", "{{"))), literal);
    }),
  );
  assert.equal(constantOf(parsed("{path}")), null);
});

test("escapes leave nothing that could end the place where the value stands", () => {
  const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((octet) => String.fromCharCode(octet)) });
  fc.assert(
    fc.property(latin1, (value) => {
      assert.doesNotMatch(escapeHtml(value), /[<>"'`]|&(?!#\d+;)/);
      assert.equal(JSON.parse(`"${escapeJson(value)}"`), value);
      assert.match(escapeUrl(value), /^[!-~]*$/);
      // oxlint-disable-next-line no-control-regex -- these are what must not be there
      assert.doesNotMatch(escapeFieldValue(value), /[\x00-\x1f\x7f]/);
    }),
  );
  assert.equal(escapeUrl("/a%20b?c=d&e[]=f\tg\xe9"), "/a%20b?c=d&e[]=f%09g%E9");
});

test("the escape for a body follows its media type", () => {
  assert.equal(escapeFor("text/html; charset=utf-8")("<"), "&#60;");
  assert.equal(escapeFor("Application/XHTML+XML")("<"), "&#60;");
  assert.equal(escapeFor("image/svg+xml")("<"), "&#60;");
  for (const type of [
    "",
    "text",
    "*/*",
    "text/html charset=utf-8",
    "text/html(x)",
    "text/html\t;x",
    "text/plain, text/html",
    " , TEXT/HTML,x/y",
  ])
    assert.equal(escapeFor(type)("<"), "&#60;", type);
  assert.equal(escapeFor("text/plain; charset=utf-8")("<"), "<");
  assert.equal(escapeFor("application/problem+json")('"'), '\\"');
  assert.equal(escapeFor("application/json")("\n"), "\\n");
  assert.equal(escapeFor("text/plain")('<"'), '<"');
});

test("cookies: the first of that name, without its quotes", () => {
  assert.equal(cookieValue(["a=1; b=2", "a=3"], "a"), "1");
  assert.equal(cookieValue(['  b = "x y" ;c'], "b"), "x y");
  assert.equal(cookieValue(["ab=1; a"], "a"), "");
  assert.equal(cookieValue([], "a"), "");
  assert.deepEqual(cookieValues(['a=1; b=2; a="x=y"', "ab=3; a", "a = 4"], "a"), ["1", '"x=y"', "4"]);
});

test("parameters of the query: the first of that name, as received", () => {
  assert.equal(queryValue("a=1&b=%20&a=2", "a"), "1");
  assert.equal(queryValue("a=1&b=%20", "b"), "%20");
  assert.equal(queryValue("a&b=x=y", "a"), "");
  assert.equal(queryValue("a&b=x=y", "b"), "x=y");
  assert.equal(queryValue("", "a"), "");
});

test("a text has only so many variables", () => {
  assert.ok("template" in parseTemplate("{uri}".repeat(100)));
  assert.deepEqual(parseTemplate("{uri}".repeat(101)), { problem: "there are more than 100 variables" });
});

test("a variable that is misspelled, or called otherwise elsewhere, is named", () => {
  const problem = (text: string): string => {
    const parsed = parseTemplate(text);
    return "problem" in parsed ? parsed.problem : "";
  };
  for (const [text, meant] of [
    ["{hots}", "host"],
    ["{remote_host}", "client_ip"],
    ["{http.request.uri}", "uri"],
    ["{headers.X-A}", "header.NAME"],
  ] as const)
    assert.match(problem(text), new RegExp(`env\\.NAME; did you mean \\{${meant.replace(".", "\\.")}\\}\\?; write `), text);
  assert.doesNotMatch(problem("{color}"), /mean/);
});
