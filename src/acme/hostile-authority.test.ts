import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { problem } from "./acme-double.fixture.ts";
import type { DoubleAnswer } from "./acme-double.fixture.ts";
import { AcmeFault, AcmeProblem } from "./acme-error.ts";
import { stage } from "./stage.fixture.ts";

/** What a hostile or broken authority may answer, at which path, and what becomes of the order. */
const HOSTILE: readonly (readonly [
  what: string,
  path: RegExp,
  change: (answer: DoubleAnswer) => Partial<DoubleAnswer>,
  message: RegExp,
])[] = [
  ["no JSON in the directory", /^\/directory/, () => ({ body: "<html>" }), /JSON cannot be read/],
  [
    "a directory of another type",
    /^\/directory/,
    () => ({ fields: { "content-type": "text/html" } }),
    /answers text\/html where JSON is due/,
  ],
  ["a directory that is a list", /^\/directory/, () => ({ body: "[]" }), /JSON cannot be read/],
  ["a directory without newOrder", /^\/directory/, (answer) => ({ body: answer.body.replace("newOrder", "old") }), /has no newOrder/],
  [
    "services of this machine",
    /^\/directory/,
    (answer) => ({ body: answer.body.replaceAll("https://ca.example/n", "https://127.0.0.1/n") }),
    /not asked/,
  ],
  [
    "services of the network",
    /^\/directory/,
    (answer) => ({ body: answer.body.replaceAll("https://ca.example/n", "https://[fd00::1]/n") }),
    /not asked/,
  ],
  [
    "services without TLS",
    /^\/directory/,
    (answer) => ({ body: answer.body.replaceAll("https://ca.example/n", "http://ca.example/n") }),
    /not asked/,
  ],
  [
    "services of another kind",
    /^\/directory/,
    (answer) => ({ body: answer.body.replaceAll("https://ca.example/n", "file:///n") }),
    /not asked/,
  ],
  [
    "a redirect to the metadata of a cloud",
    /^\/directory/,
    () => ({ status: 302, fields: { location: "http://169.254.169.254/" } }),
    /redirects \(302\)/,
  ],
  ["no nonce", /^\/nonce/, () => ({ fields: {} }), /gives no nonce/],
  ["a nonce that is none", /^\/nonce/, () => ({ fields: { "replay-nonce": "a b" } }), /gives no nonce/],
  ["500 without a word", /^\/account/, () => ({ status: 500, fields: {}, body: "" }), /answers 500 without saying why/],
  [
    "a problem that is none",
    /^\/account/,
    () => ({ status: 400, fields: { "content-type": "application/problem+json" }, body: "[1]" }),
    /unknown: no more was said/,
  ],
  ["a problem with a long text", /^\/account/, () => problem(400, "malformed", `a\r\nb${"c".repeat(10_000)}`), /^malformed: a bc{200}/],
  [
    "an account elsewhere",
    /^\/account$/,
    (answer) => ({ fields: { ...answer.fields, location: "https://localhost/1" } }),
    /names https:\/\/localhost\/1 as account/,
  ],
  ["an account nowhere", /^\/account$/, (answer) => ({ fields: { ...answer.fields, location: "" } }), /not asked/],
  [
    "an order for other names",
    /^\/order$/,
    (answer) => ({ body: JSON.stringify({ ...JSON.parse(answer.body), authorizations: [1, 2] }) }),
    /other names than were asked/,
  ],
  [
    "an authorization elsewhere",
    /^\/order$/,
    (answer) => ({ body: answer.body.replace("https://ca.example/a", "https://10.0.0.1/a") }),
    /as authorization, which is not asked/,
  ],
  [
    "an authorization for another name",
    /^\/authorization/,
    (answer) => ({ body: answer.body.replace("example.com", "example.org") }),
    /a name that is not wanted/,
  ],
  [
    "an authorization without the challenge",
    /^\/authorization/,
    (answer) => ({ body: answer.body.replace("http-01", "http-02") }),
    /does not offer http-01 for example.com, but http-02, tls-alpn-01, dns-01/,
  ],
  [
    "challenges with characters that terminals obey",
    /^\/authorization/,
    (answer) => ({ body: answer.body.replace("http-01", String.raw`a\u001b[2J\nb`) }),
    /but a \[2J b, tls-alpn-01/,
  ],
  [
    "an authorization with a state that terminals obey",
    /^\/authorization/,
    (answer) => ({ body: answer.body.replace('"pending"', String.raw`"\u001b]0;x\u0007"`) }),
    /answer about example.com is \]0;x$/,
  ],
  [
    "a token that leads out of its folder",
    /^\/authorization/,
    (answer) => ({ body: answer.body.replaceAll(/token-a\d+/g, "../../etc/passwd") }),
    /token of a challenge is not base64url/,
  ],
  [
    "an authorization that is revoked",
    /^\/authorization/,
    (answer) => ({ body: answer.body.replace('"pending"', '"revoked"') }),
    /answer about example.com is revoked/,
  ],
  [
    "validation without end",
    /^\/authorization/,
    (answer) => ({ body: answer.body.replaceAll('"valid"', '"pending"') }),
    /does not come to an end with looking at example.com/,
  ],
  [
    "validation without end, and Retry-After 0",
    /^\/authorization/,
    (answer) => ({ body: answer.body.replaceAll('"valid"', '"pending"'), fields: { ...answer.fields, "retry-after": "0" } }),
    /does not come to an end/,
  ],
  [
    "an order without end",
    /^\/order\//,
    (answer) => ({ body: answer.body.replace(/"status":"\w+"/, '"status":"pending"') }),
    /does not come to an end with the order/,
  ],
  [
    "an order that is refused",
    /^\/order\//,
    (answer) => ({ body: answer.body.replace(/"status":"\w+"/, '"status":"invalid"') }),
    /has refused the order/,
  ],
  [
    "an order of no known state",
    /^\/order\//,
    (answer) => ({ body: answer.body.replace(/"status":"\w+"/, '"status":7') }),
    /the order is 7/,
  ],
  ["a chain of text", /^\/certificate/, () => ({ body: "hello" }), /holds other things than certificates/],
  ["no chain", /^\/certificate/, () => ({ body: "" }), /holds no certificate/],
  [
    "a chain with a key",
    /^\/certificate/,
    (answer) => ({ body: `${answer.body}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n` }),
    /holds other things/,
  ],
  ["a chain that is too long", /^\/certificate/, (answer) => ({ body: answer.body.repeat(6) }), /chain has 12 certificates/],
  ["a chain of megabytes", /^\/certificate/, (answer) => ({ body: answer.body.repeat(1000) }), /chain is too long/],
  [
    "a chain whose order is wrong",
    /^\/certificate/,
    (answer) => ({ body: `${answer.body}${answer.body}` }),
    /do not follow from each other/,
  ],
  [
    "a certificate that is none",
    /^\/certificate/,
    () => ({ body: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" }),
    /cannot be read/,
  ],
];

describe("an order comes to nothing, and says why, when the authority answers with", () => {
  for (const [what, path, change, message] of HOSTILE) {
    test(what, async () => {
      const { double, obtain } = stage();
      double.tamper = (asked, answer): DoubleAnswer => (path.test(asked) ? { ...answer, ...change(answer) } : answer);
      await assert.rejects(obtain(), (error) => {
        assert.ok(error instanceof AcmeFault || error instanceof AcmeProblem, String(error));
        assert.match(error.message, message);
        assert.ok(error.message.length < 600);
        return true;
      });
      assert.ok(double.requests.length < 5000);
      assert.equal(double.answered.size, 0, "an answer to a challenge was left");
    });
  }

  test("a certificate for another key", async () => {
    const { double, obtain } = stage();
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const other = await double.issue(publicKey, ["example.com"]);
    double.tamper = (path, answer) => (path.startsWith("/certificate") ? { ...answer, body: other } : answer);
    await assert.rejects(obtain(), /is for another key/);
  });

  test("a certificate for other names", async () => {
    const { double, obtain } = stage();
    const { issue } = double;
    double.issue = (key) => issue.call(double, key, ["example.org"]);
    await assert.rejects(obtain(), /is not for example.com/);
  });

  test("a certificate of the past, or of the future", async () => {
    const { double, obtain } = stage();
    double.lifetimeMs = 1000;
    await assert.rejects(obtain(), /has expired already/);
    double.lifetimeMs = 90 * 24 * 3600_000;
    double.tamper = (path, answer) => {
      if (path.startsWith("/certificate")) double.clock.ms -= 3 * 3600_000;
      return answer;
    };
    await assert.rejects(obtain(), /is not valid yet; is the clock of this machine right/);
  });
});
