import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { rewriteCookie } from "./rewrite-cookie.ts";
import type { CookieEdits } from "./rewrite-cookie.ts";

function rewritten(edits: CookieEdits, cases: readonly (readonly [from: string, to: string])[]): void {
  for (const [from, to] of cases) assert.equal(rewriteCookie(from, edits), to, from);
}

test("the domain is replaced where there is one", () => {
  rewritten({ domain: "example.com" }, [
    ["a=1; Domain=app.internal; HttpOnly", "a=1; Domain=example.com; HttpOnly"],
    ["a=1;dOmAiN = .app.internal", "a=1;dOmAiN =example.com"],
    ["a=1; Domain=x.test; Domain=y.test", "a=1; Domain=example.com; Domain=example.com"],
    ["a=1", "a=1"],
    ["a=Domain=x.test", "a=Domain=x.test"],
    ["a=1; Domain=", "a=1; Domain="],
    ["a=1; Domain", "a=1; Domain"],
    ["__Host-a=1; Domain=x.test", "__Host-a=1; Domain=x.test"],
    [`a=1; Domain=${"x".repeat(1025)}`, `a=1; Domain=${"x".repeat(1025)}`],
  ]);
  rewritten({ domain: "" }, [
    ["a=1; Domain=app.internal; HttpOnly", "a=1; HttpOnly"],
    ["a=1; domain=x.test; DOMAIN=y.test", "a=1"],
    ["a=1", "a=1"],
  ]);
});

test("the path is replaced where there is one", () => {
  rewritten({ path: "/shop" }, [
    ["a=1; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "a=1; Path=/shop; Expires=Wed, 21 Oct 2026 07:28:00 GMT"],
    ["a=1; path", "a=1; path=/shop"],
    ["a=1; PATH=x; path=/b", "a=1; PATH=/shop; path=/shop"],
    ["a=1", "a=1"],
    ["__host-a=1; Path=/; Secure", "__host-a=1; Path=/; Secure"],
  ]);
});

test("Secure is added once, and taken out but where the cookie needs it", () => {
  rewritten({ secure: true }, [
    ["a=1", "a=1; Secure"],
    ["a=1; SECURE", "a=1; SECURE"],
    ["a=1; secure=no", "a=1; secure=no"],
    ["a=secure", "a=secure; Secure"],
    ["a=1;", "a=1;; Secure"],
    ["no pair", "no pair; Secure"],
    ["=1", "=1; Secure"],
    ["", ""],
    [" \t", " \t"],
  ]);
  rewritten({ secure: false }, [
    ["a=1; Secure; HttpOnly", "a=1; HttpOnly"],
    ["a=1; secure=; Secure", "a=1"],
    ["__Secure-a=1; Secure", "__Secure-a=1; Secure"],
    ["__HOST-a=1; Secure; Path=/", "__HOST-a=1; Secure; Path=/"],
    ["a=1; Secure; SameSite=None", "a=1; Secure; SameSite=None"],
    ["a=1; Secure; Partitioned", "a=1; Secure; Partitioned"],
  ]);
  rewritten({ secure: false, same_site: "lax" }, [["a=1; Secure; SameSite=None", "a=1; SameSite=Lax"]]);
});

test("SameSite is one, and none brings Secure", () => {
  rewritten({ same_site: "strict" }, [
    ["a=1", "a=1; SameSite=Strict"],
    ["a=1; samesite=lax; SameSite=None; HttpOnly", "a=1; HttpOnly; SameSite=Strict"],
  ]);
  rewritten({ same_site: "none" }, [
    ["a=1; SameSite=Lax", "a=1; Secure; SameSite=None"],
    ["a=1; Secure", "a=1; Secure; SameSite=None"],
  ]);
  rewritten({ same_site: "none", secure: false }, [["a=1", "a=1; Secure; SameSite=None"]]);
});

/** What a browser makes of a cookie (RFC 6265 section 5.2): the last attribute of a name counts. */
function asBrowser(line: string): { readonly pair: string; readonly attributes: ReadonlyMap<string, string> } {
  const [pair = "", ...rest] = line.split(";");
  const attributes = rest.map((text): readonly [string, string] => {
    const [name = "", ...value] = text.split("=");
    return [name.replace(/^[ \t]+|[ \t]+$/g, "").toLowerCase(), value.join("=").replace(/^[ \t]+|[ \t]+$/g, "")];
  });
  return { pair, attributes: new Map(attributes) };
}

test("a browser finds the pair as it was, the attributes as they were or as they were to be", () => {
  const word = fc.constantFrom(
    "a=1",
    "Domain=x.test",
    "domain",
    "Path=/a",
    "PATH = b",
    "Secure",
    " secure ",
    "SameSite=None",
    "samesite",
    "HttpOnly",
    "",
    " ",
    "=",
    "Expires=Wed, 21 Oct",
    "Partitioned",
    "x=\xff",
  );
  const names = fc.constantFrom("a=1", "__Host-a=1", "__Secure-a=1", "a", "=b", " a = b ");
  const edits = fc.record(
    {
      domain: fc.constantFrom("", "example.com"),
      path: fc.constantFrom("/", "/shop"),
      secure: fc.boolean(),
      same_site: fc.constantFrom("strict" as const, "lax" as const, "none" as const),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(names, fc.array(word, { maxLength: 6 }), edits, (name, words, change) => {
      const line = [name, ...words].join(";");
      const text = rewriteCookie(line, change);
      const [before, after] = [asBrowser(line), asBrowser(text)];
      assert.equal(after.pair, before.pair);
      const isHost = name.startsWith("__Host-");
      for (const [key, value] of before.attributes) {
        if (!["domain", "path", "secure", "samesite"].includes(key)) assert.equal(after.attributes.get(key), value);
      }
      if (change.secure === true || change.same_site === "none") assert.ok(after.attributes.has("secure"));
      if (change.same_site !== undefined) assert.equal(after.attributes.get("samesite")?.toLowerCase(), change.same_site);
      if (change.path !== undefined && before.attributes.has("path") && !isHost) assert.equal(after.attributes.get("path"), change.path);
      // Never for more hosts than before, but for those that the configuration names.
      if (!before.attributes.has("domain") || before.attributes.get("domain") === "")
        assert.ok((after.attributes.get("domain") ?? "") === "");
      // The same edits again change nothing.
      assert.deepEqual(asBrowser(rewriteCookie(text, change)), after);
      if (Object.keys(change).length === 0) assert.equal(text, line);
    }),
  );
});
