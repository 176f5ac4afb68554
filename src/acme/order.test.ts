import assert from "node:assert/strict";
import { X509Certificate, createPrivateKey } from "node:crypto";
import { describe, test } from "node:test";
import { json, problem } from "./acme-double.fixture.ts";
import type { DoubleAnswer } from "./acme-double.fixture.ts";
import { AcmeProblem } from "./acme-error.ts";
import { namesOf } from "../certificates/alternative-names.ts";
import { renewalInfo } from "./renewal-info.ts";
import { stage } from "./stage.fixture.ts";
import { renewalIdentifier } from "./x509.ts";

describe("an order", () => {
  for (const challenge of ["http-01", "tls-alpn-01", "dns-01"] as const) {
    test(`gives a certificate for its names, shown by ${challenge}`, async () => {
      const { double, obtain } = stage();
      const names = ["example.com", "www.example.com", ...(challenge === "dns-01" ? ["*.example.com"] : [])];
      const { chain, key } = await obtain({ names, challenge });
      const leaf = new X509Certificate(chain);
      assert.deepEqual(namesOf(leaf).toSorted(), names.toSorted());
      assert.ok(leaf.checkPrivateKey(createPrivateKey(key)));
      assert.equal(double.answered.size, 0, "an answer to a challenge was left");
    });
  }

  test("gives a certificate for an RSA key", async () => {
    const { key } = await stage().obtain({ key: "rsa" });
    assert.equal(createPrivateKey(key).asymmetricKeyType, "rsa");
  });

  test("asks again with another nonce, and gives up where none is ever good", async () => {
    const { double, obtain } = stage();
    double.badNonces = 5;
    await obtain();
    double.badNonces = 1000;
    await assert.rejects(obtain(), (error) => error instanceof AcmeProblem && error.type === "badNonce");
    assert.ok(double.badNonces > 950, "it has asked too often");
  });

  test("does not show again what is valid", async () => {
    const { double, obtain } = stage();
    await obtain();
    const before = double.requests.length;
    double.tamper = (path, answer) => {
      if (!path.startsWith("/authorization/")) return answer;
      for (const authorization of double.authorizations.values()) authorization.status = "valid";
      return json(200, { ...JSON.parse(answer.body), status: "valid" }, answer.fields);
    };
    await obtain();
    assert.ok(!double.requests.slice(before).some((request) => request.includes("/challenge/")));
  });

  test("says what the authority found wrong, and takes its answers away", async () => {
    const { double, obtain } = stage();
    const remove = double.answers.present;
    Object.assign(double.answers, { present: () => Promise.resolve() });
    await assert.rejects(obtain(), { message: "the authority could not see that example.com is yours: connection: nobody answers" });
    Object.assign(double.answers, { present: remove });
    assert.equal(double.answered.size, 0);
  });

  test("has the profile that is wanted, and fails where the authority has no such profile", async () => {
    const { double, obtain } = stage();
    await obtain({ profile: "shortlived" });
    assert.deepEqual(
      [...double.orders.values()].map(({ profile }) => profile),
      ["shortlived"],
    );
    await assert.rejects(obtain({ profile: "longlived" }), {
      message: "the authority has no profile longlived: it has classic, shortlived",
    });
    const other = stage();
    other.double.profiles = null;
    await assert.rejects(other.obtain({ profile: "classic" }), { message: "the authority has no profile classic: it knows no profiles" });
  });

  test("names the certificate that it replaces, and does without where the authority refuses that", async () => {
    const { double, client, obtain } = stage();
    double.window = { start: "2027-01-01T00:00:00Z", end: "2027-01-02T00:00:00Z", explanationURL: "https://ca.example/why" };
    const { chain } = await obtain();
    const replaces = renewalIdentifier(chain);
    assert.match(replaces ?? "", /^[A-Za-z0-9_-]{27}\.AIAAAAAAAA/);
    const info = await renewalInfo(client, replaces);
    assert.deepEqual(info, {
      window: { startMs: Date.parse("2027-01-01T00:00:00Z"), endMs: Date.parse("2027-01-02T00:00:00Z") },
      explanation: "https://ca.example/why",
      askAgainMs: 6 * 3600_000,
    });
    await obtain({ replaces });
    assert.equal([...double.orders.values()].at(-1)?.replaces, replaces);
    double.refusals.push(problem(409, "alreadyReplaced", "it was replaced"));
    await obtain({ replaces });
    assert.equal([...double.orders.values()].at(-1)?.replaces, "");
  });

  test("says how long the authority wants to be left alone", async () => {
    const { double, obtain } = stage();
    double.refusals.push(problem(429, "rateLimited", "too many certificates", { "retry-after": "7200" }));
    await assert.rejects(
      obtain(),
      (error) => error instanceof AcmeProblem && error.type === "rateLimited" && error.retryAfterMs === 7_200_000,
    );
  });
});

test("trouble that passes does not end an order", async () => {
  const { double, obtain } = stage();
  let looks = 0;
  double.tamper = (path, answer): DoubleAnswer => {
    if (!path.startsWith("/authorization/") || ++looks < 2 || looks > 3) return answer;
    if (looks === 2) throw new Error("connection lost");
    return { status: 503, fields: { ...answer.fields, "content-type": "text/html" }, body: "busy" };
  };
  await obtain();
  assert.ok(looks > 3);
});

test("an order that is given up asks nothing more", async () => {
  const { double, obtain, abort } = stage();
  double.tamper = (path, answer) => {
    if (path.startsWith("/challenge/")) abort.abort();
    return answer;
  };
  await assert.rejects(obtain(), { message: "given up" });
  assert.match(double.requests.at(-1) ?? "", /challenge/);
  assert.equal(double.answered.size, 0);
});
