/** Cookies that a browser keeps for us and can neither read nor change. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Browser } from "./browser.fixture.ts";
import { RequestCookies, otherCookies } from "./request-cookies.ts";
import { CHUNK_CHARS, SealedCookies, type SealedCookieOptions } from "./sealed-cookies.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const [OLD_KEY, NEW_KEY] = [randomBytes(32), randomBytes(32)];

function sealedCookies(options: Partial<SealedCookieOptions> = {}): SealedCookies {
  return new SealedCookies({ keys: [OLD_KEY], purpose: "test", context: ["issuer", "client"], maxAgeMs: HOUR, chunksMax: 4, ...options });
}

/** A browser in which `value` lies under "a". */
function browserWith(value: string, sealed = sealedCookies(), https = true): Browser {
  const browser = new Browser("a", https);
  const lines = sealed.seal(browser.cookies(), "a", value, NOW);
  assert.ok(lines !== null);
  browser.take(lines);
  return browser;
}

function valueIn(browser: Browser, sealed = sealedCookies(), nowMs = NOW): string | null {
  return sealed.open(browser.cookies(), "a", nowMs)?.value ?? null;
}

describe("a sealed cookie", () => {
  test("gives back what was sealed, and when", () => {
    const browser = browserWith("Grüße");
    assert.deepEqual(sealedCookies().open(browser.cookies(), "a", NOW + 1_000), { value: "Grüße", sealedAtMs: NOW });
    assert.ok(!browser.header().includes("Gr"));
  });

  test("is for this origin alone, and for no script", () => {
    assert.match(browserWith("x").lines.join(), /^__Host-a=1\.[\w-]+; Max-Age=3600; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    assert.match(browserWith("x", sealedCookies(), false).lines.join(), /^a=1\.[\w-]+; Max-Age=3600; Path=\/; HttpOnly; SameSite=Lax$/);
  });

  test("is none after any change of one character, at either end or between", () => {
    const value = browserWith("secret").get("__Host-a");
    for (let index = 0; index < value.length; index++) {
      for (const other of ["A", "B", "_", "=", "."]) {
        if (value[index] === other) continue;
        const browser = browserWith("other");
        browser.set("__Host-a", value.slice(0, index) + other + value.slice(index + 1));
        assert.equal(valueIn(browser), null, `${index}: ${other}`);
      }
    }
  });

  test("is none when it was truncated or extended", () => {
    const browser = browserWith("secret");
    const value = browser.get("__Host-a");
    for (let length = 0; length < value.length; length++) {
      browser.set("__Host-a", value.slice(0, length));
      assert.equal(valueIn(browser), null, String(length));
    }
    browser.set("__Host-a", `${value}A`);
    assert.equal(valueIn(browser), null);
    browser.set("__Host-a", value);
    assert.equal(valueIn(browser), "secret");
  });

  test("has one spelling", () => {
    // 50 bytes in 67 characters: the last one has two bits that mean nothing.
    const browser = browserWith("secret");
    const value = browser.get("__Host-a");
    assert.equal(value.length, "1.".length + 67);
    const good = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/"].filter((last) => {
      browser.set("__Host-a", value.slice(0, -1) + last);
      return valueIn(browser) !== null;
    });
    assert.deepEqual(good, [value.at(-1)]);
  });

  test("is none when it is too old, or comes from the future", () => {
    const browser = browserWith("x");
    assert.equal(valueIn(browser, sealedCookies(), NOW + HOUR - 1), "x");
    assert.equal(valueIn(browser, sealedCookies(), NOW + HOUR), null);
    assert.equal(valueIn(browser, sealedCookies(), NOW - 59_000), "x");
    assert.equal(valueIn(browser, sealedCookies(), NOW - 61_000), null);
  });

  test("is none under another name, for another purpose, for another client, and on plain HTTP", () => {
    const browser = browserWith("x");
    const moved = new Browser("a", true);
    moved.set("__Host-ab", browser.get("__Host-a"));
    assert.equal(sealedCookies().open(moved.cookies(), "ab", NOW), null);
    assert.equal(valueIn(browser, sealedCookies({ purpose: "another" })), null);
    assert.equal(valueIn(browser, sealedCookies({ context: ["issuer", "another"] })), null);
    assert.equal(valueIn(browser, sealedCookies({ context: ["issuerclient"] })), null);
    const plain = new Browser("a", false);
    plain.set("a", browser.get("__Host-a"));
    assert.equal(valueIn(plain), null);
    assert.equal(valueIn(browser), "x");
  });

  test("is none when the request brings two of that name", () => {
    const header = browserWith("x").header();
    const cookies = new RequestCookies(`__Host-a=1.planted; ${header}`, "a", true);
    assert.equal(sealedCookies().open(cookies, "a", NOW), null);
  });

  test("opens with every key, is sealed with the first, and is none when its key is gone", () => {
    const browser = browserWith("old");
    const both = sealedCookies({ keys: [NEW_KEY, OLD_KEY] });
    assert.equal(valueIn(browser, both), "old");
    const renewed = browserWith("new", both);
    assert.equal(valueIn(renewed, sealedCookies({ keys: [NEW_KEY] })), "new");
    assert.equal(valueIn(renewed), null);
    assert.equal(valueIn(browser, sealedCookies({ keys: [NEW_KEY] })), null);
  });

  test("is another text each time", () => {
    assert.notEqual(browserWith("x").header(), browserWith("x").header());
  });

  test("needs keys that are long enough", () => {
    assert.throws(() => sealedCookies({ keys: [randomBytes(31)] }), /32 bytes/);
    assert.throws(() => sealedCookies({ keys: [] }), /need a key/);
  });
});

describe("a value in several cookies", () => {
  const LARGE = "v".repeat(8_000);

  test("comes back whole, whatever its size, as long as it has room", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 13_000 }), (length) => {
        const browser = new Browser("a", true);
        const lines = sealedCookies().seal(browser.cookies(), "a", "v".repeat(length), NOW);
        // Four cookies hold 15,597 characters of base64url: 11,697 bytes, 44 of which are the frame.
        assert.equal(lines === null, length > 11_653, String(length));
        if (lines === null) return;
        for (const line of lines) assert.ok((line.split(";")[0] ?? "").length <= CHUNK_CHARS + "__Host-a.1=".length);
        browser.take(lines);
        assert.equal(valueIn(browser), "v".repeat(length));
      }),
    );
  });

  test("is none when a chunk is missing, moved, changed or of another value", () => {
    const names = ["__Host-a", "__Host-a.1", "__Host-a.2"];
    const whole = browserWith(LARGE);
    assert.deepEqual(whole.names(), names);
    for (const name of names) {
      const missing = browserWith(LARGE);
      missing.remove(name);
      assert.equal(valueIn(missing), null, `${name} is missing`);
      const mixed = browserWith(LARGE);
      mixed.set(name, whole.get(name));
      assert.equal(valueIn(mixed), null, `${name} is of another value`);
    }
    const moved = browserWith(LARGE);
    const [second, third] = [moved.get("__Host-a.1"), moved.get("__Host-a.2")];
    moved.set("__Host-a.1", third);
    moved.set("__Host-a.2", second);
    assert.equal(valueIn(moved), null);
    const fewer = browserWith(LARGE);
    fewer.set("__Host-a", fewer.get("__Host-a").replace("3.", "2."));
    assert.equal(valueIn(fewer), null);
    assert.equal(valueIn(whole), LARGE);
  });

  test("takes away the chunks of a larger one before it", () => {
    const browser = browserWith(LARGE);
    const lines = sealedCookies().seal(browser.cookies(), "a", "small", NOW);
    assert.ok(lines !== null);
    browser.take(lines);
    assert.deepEqual(browser.names(), ["__Host-a"]);
    assert.equal(valueIn(browser), "small");
  });

  test("goes as a whole, and no cookie that only begins like it", () => {
    const browser = browserWith(LARGE);
    browser.set("__Host-a-other", "x");
    browser.set("__Host-a.b", "x");
    browser.take(sealedCookies().remove(browser.cookies(), "a"));
    assert.deepEqual(browser.names(), ["__Host-a-other", "__Host-a.b"]);
  });

  test("of whatever texts is none, without an error", () => {
    const text = fc.oneof(fc.string(), fc.base64String(), fc.constantFrom("1.", "4.", "5.x", "-1.x", "1e0.x", " 1.x", "0.x"));
    fc.assert(
      fc.property(text, text, (first, second) => {
        const cookies = new RequestCookies(`__Host-a=${first}; __Host-a.1=${second}`, "a", true);
        assert.equal(sealedCookies().open(cookies, "a", NOW), null);
      }),
    );
  });
});

test("an origin sees the other cookies, as they were", () => {
  assert.equal(otherCookies(""), null);
  assert.equal(otherCookies("a=1;b=2"), "a=1;b=2");
  assert.equal(otherCookies("a=1; __Host-millrace-s=x; b; millrace-t.1=y;c=millrace-3"), "a=1; b; c=millrace-3");
  assert.equal(otherCookies("__Host-millrace-s=x; millrace-t=y"), null);
});
