import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { parseConfig } from "../../config/load.ts";
import { RequestReader } from "../../http1/request-reader.ts";
import { DEFAULT_LIMITS } from "../../http1/limits.ts";
import { Event } from "../../http1/message-reader.ts";
import type { AskedRequest } from "../../proxy/ports/own-answers.ts";
import { OK, get, stageOfBoth } from "../stage.fixture.ts";
import { testTls } from "../test-certificate.fixture.ts";
import { UNRULED } from "../../proxy/ports/tls-facts.ts";
import { HostsOfConnection, ListenerAnswers, httpsPort } from "./own-answers.ts";

/** The request as the parser reads it; null: it refuses it. */
function asked(head: string, scheme: "http" | "https" = "http"): AskedRequest | null {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const bytes = Buffer.from(`${head}\r\n\r\n`, "latin1");
  reader.feed(bytes, 0, bytes.length);
  return reader.next() === Event.head ? { request: reader.head, scheme } : null;
}

function redirecting(): ListenerAnswers {
  const answers = new ListenerAnswers();
  answers.use({ redirect_to_https: true });
  return answers;
}

/** `Location` of the redirect, or the status of another answer; "none": the request goes to the routes. */
function locationOf(answers: ListenerAnswers, head: string, scheme: "http" | "https" = "http"): string | number {
  const given = asked(head, scheme);
  if (given === null) return "refused";
  const answer = answers.answerTo(given);
  if (answer === null) return "none";
  const [, location] = answer.fields.find(([name]) => name === "Location") ?? [];
  assert.equal(location === undefined, answer.status !== 308);
  return location ?? answer.status;
}

describe("the redirect to https", () => {
  for (const [head, location] of [
    ["GET /a/../b?q=1%20&r HTTP/1.1\r\nHost: A.Test.:8080", "https://a.test/a/../b?q=1%20&r"],
    ["POST //evil.test/x HTTP/1.1\r\nHost: a.test", "https://a.test//evil.test/x"],
    ["GET http://b.test:81/x HTTP/1.1\r\nHost: b.test:81", "https://b.test/x"],
    ["GET http://b.test HTTP/1.1\r\nHost: b.test", "https://b.test/"],
    ["OPTIONS * HTTP/1.1\r\nHost: a.test", "https://a.test/"],
    ["GET /x HTTP/1.1\r\nHost: [2001:DB8::1]:8080", "https://[2001:db8::1]/x"],
    ["GET /x HTTP/1.1\r\nHost: 192.0.2.7", "https://192.0.2.7/x"],
    ['GET /"<>{}|^`\\ HTTP/1.1\r\nHost: a.test', "https://a.test/%22%3C%3E%7B%7D%7C%5E%60%5C"],
    ["GET /x HTTP/1.0\r\nHost: a.test", "https://a.test/x"],
  ] as const) {
    test(`${JSON.stringify(head)} leads to ${location}`, () => {
      const [line = ""] = head.split("\r\n");
      const found = locationOf(redirecting(), head);
      // Some of these targets are none of HTTP's, and the parser refuses them.
      if (found !== "refused" || !line.includes('"')) assert.equal(found, location);
    });
  }

  test("leads to the port of the listener with TLS", () => {
    const answers = redirecting();
    answers.httpsPort = 8443;
    assert.equal(locationOf(answers, "GET / HTTP/1.1\r\nHost: a.test:8080"), "https://a.test:8443/");
  });

  test("a request without a host, or with one that programs read in several ways, gets 400", () => {
    assert.equal(locationOf(redirecting(), "GET / HTTP/1.0"), 400);
    for (const host of ["a.test$evil", "a%2etest", "a.test,b.test", "a;b", "a'b", "a=b", "(a)", "a*b", "", "."]) {
      const found = locationOf(redirecting(), `GET / HTTP/1.1\r\nHost: ${host}`);
      assert.ok(found === 400 || found === "refused", `${host}: ${found}`);
    }
  });

  test("no octet of a host or a target ends the line or the host", () => {
    for (let octet = 0; octet < 256; octet++) {
      const character = String.fromCharCode(octet);
      for (const head of [`GET /a${character}b HTTP/1.1\r\nHost: a.test`, `GET / HTTP/1.1\r\nHost: a${character}b.test`]) {
        const found = locationOf(redirecting(), head);
        if (typeof found === "number" || found === "refused") continue;
        assert.match(found, /^https:\/\/a[a-z0-9_~.-]{0,2}\.?(?:b\.)?test\/[!-~]*$/, JSON.stringify(head));
        assert.match(new URL(found).hostname, /^a.*test$/);
      }
    }
  });

  test("what a trusted proxy has received by https goes to the routes", () => {
    assert.equal(locationOf(redirecting(), "GET / HTTP/1.1\r\nHost: a.test", "https"), "none");
  });
});

test("a challenge is answered before the redirect, and nothing else below its path", () => {
  const answers = redirecting();
  answers.challenges = new Map([["tok-1_A", "tok-1_A.thumbprint"]]);
  const ask = (path: string): unknown => {
    const given = asked(`GET ${path} HTTP/1.1\r\nHost: a.test`);
    assert.ok(given !== null);
    const answer = answers.answerTo(given);
    return answer?.status === 200 ? answer.body?.text : answer?.status;
  };
  assert.equal(ask("/.well-known/acme-challenge/tok-1_A"), "tok-1_A.thumbprint");
  for (const path of [
    "/.well-known/acme-challenge/",
    "/.well-known/acme-challenge/tok-1_a",
    "/.well-known/acme-challenge/tok-1_A/x",
    "/x",
  ]) {
    assert.equal(ask(path), 308, path);
  }
  answers.use({ redirect_to_https: false });
  assert.equal(ask("/.well-known/acme-challenge/tok-1_A"), "tok-1_A.thumbprint");
  assert.equal(ask("/x"), undefined);
  assert.equal(answers.isSilent, false);
  answers.challenges = null;
  assert.equal(answers.isSilent, true);
});

test("the port of https is that of the first listener with TLS, where it is known", () => {
  const parsed = parseConfig(
    "listeners: [{ address: ':80' }, { address: ':81' }]\nroutes: [{ respond: { status: 204 } }]",
    "a",
    {},
    () => "",
  );
  assert.ok("config" in parsed, JSON.stringify(parsed));
  const [plain, other] = parsed.config.listeners;
  assert.ok(plain !== undefined && other !== undefined);
  const withTls = (address: string): typeof other => Object.assign({ ...other, address }, { tls: {} });
  assert.equal(httpsPort({ listeners: [plain] }), 443);
  assert.equal(httpsPort({ listeners: [plain, withTls(":8443"), withTls(":9443")] }), 8443);
  for (const address of ["127.0.0.1:0", "unix:/run/a.sock", "fd:3"])
    assert.equal(httpsPort({ listeners: [withTls(address)] }), 443, address);
});

test("the host that was admitted last is not asked for again", () => {
  const questions: string[] = [];
  const hosts = new HostsOfConnection({ ...UNRULED, admits: (host) => questions.push(host) > 0 && host !== "c.test" });
  for (const host of ["a.test", "A.test.:443", "b.test", "c.test", "c.test", "b.test", "a.test"]) {
    const given = asked(`GET / HTTP/1.1\r\nHost: ${host}`);
    assert.ok(given !== null);
    assert.equal(hosts.answerTo(given)?.status ?? 0, host === "c.test" ? 421 : 0);
  }
  assert.deepEqual(questions, ["a.test", "b.test", "c.test", "c.test", "a.test"]);
});

test("on a TLS connection a host of other certificates gets 421, by Host or an absolute target, and the next request is served", async (t) => {
  const tls = testTls({ rule: { ...UNRULED, admits: (host) => host === "a.test" } });
  const { client, dialled, records } = stageOfBoth(t, () => {}, tls);
  for (const head of [
    "GET / HTTP/1.1\r\nHost: b.test",
    "GET http://b.test/ HTTP/1.1\r\nHost: b.test",
    "GET / HTTP/1.1\r\nHost: a.test.b.test",
  ]) {
    client.send(`${head}\r\n\r\n`);
    await turn();
    assert.match(client.received, /^HTTP\/1\.1 421 Misdirected Request\r\n/);
    assert.doesNotMatch(client.received, /proxy-status/i);
    client.received = "";
  }
  client.send(get("/"));
  const [upstream = assert.fail("no endpoint was asked")] = dialled;
  upstream.connect();
  await turn();
  upstream.endpoint.send(OK);
  await turn();
  assert.deepEqual(client.statuses, ["200"]);
  assert.deepEqual(
    records.map(({ outcome }) => outcome),
    ["misdirected", "misdirected", "misdirected", "completed"],
  );
});
