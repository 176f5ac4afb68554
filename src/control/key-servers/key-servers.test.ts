import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { SentCredentials } from "../../shared/credential-files.ts";
import type { BoundedResponse } from "../outside/bounded-requests.ts";
import { KeyServers } from "./key-servers.ts";

const URL = "https://id.example/keys";

interface Stage {
  readonly servers: KeyServers;
  readonly asked: string[];
  readonly log: string[];
  /** How often threads were told. */
  told: number;
  now: number;
  /** What is planned, as a time. */
  planned: number | null;
  answer: () => Promise<{ readonly status: number; readonly body: string }>;
  /** Lets what was planned happen. */
  pass(): Promise<void>;
  sent(): SentCredentials | undefined;
}

const place = {
  path: URL,
  read: (text: string) => (text.startsWith("keys") ? { text } : { problems: ["no keys"] }),
};

function stage(t: TestContext): Stage {
  let then: (() => void) | null = null;
  const all: Stage = {
    servers: new KeyServers({
      log: { info: (event) => void all.log.push(event), warn: (event, message) => void all.log.push(`${event} ${message}`) },
      version: "1",
      monotonic: () => all.now,
      told: () => void all.told++,
      after: (ms, call) => {
        all.planned = all.now + ms;
        then = call;
        return () => void (then = null);
      },
      requests: () =>
        Promise.resolve({
          ask: async ({ url }): Promise<BoundedResponse> => {
            all.asked.push(url);
            return { ...(await all.answer()), field: () => null };
          },
          close: () => {},
        }),
    }),
    asked: [],
    log: [],
    told: 0,
    now: 0,
    planned: null,
    answer: () => Promise.resolve({ status: 200, body: "keys 1" }),
    pass: async () => {
      all.now = all.planned ?? all.now;
      then?.();
      await settled();
    },
    sent: () => all.servers.current()[0],
  };
  t.after(() => all.servers.stop());
  return all;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
}

test("is asked at once and every ten minutes; another answer is another version", async (t) => {
  const all = stage(t);
  all.servers.prepare([place]);
  assert.deepEqual([all.sent(), all.told], [{ path: URL, version: 0, text: null }, 1], "threads know of it before it has answered");
  await settled();
  assert.deepEqual([all.sent(), all.told], [{ path: URL, version: 1, text: "keys 1" }, 2]);
  assert.equal(all.planned, 600_000);
  await all.pass();
  assert.deepEqual([all.sent()?.version, all.asked.length], [1, 2], "the same answer is the same version");
  all.answer = () => Promise.resolve({ status: 200, body: "keys 2" });
  await all.pass();
  assert.deepEqual(all.sent(), { path: URL, version: 2, text: "keys 2" });
  all.servers.prepare([place]);
  await settled();
  assert.equal(all.asked.length, 3, "another configuration that names it is no reason to ask");
});

test("that fails is asked again with growing waits, said once, and what it has said stays", async (t) => {
  const all = stage(t);
  all.servers.prepare([place]);
  await settled();
  const waits: number[] = [];
  const failures: Stage["answer"][] = [
    () => Promise.resolve({ status: 503, body: "keys of an attacker" }),
    () => Promise.resolve({ status: 200, body: "<html>" }),
    () => Promise.reject(new Error("id.example cannot be asked: ECONNREFUSED")),
  ];
  for (let round = 0; round < 9; round++) {
    all.answer = failures[round % 3] ?? all.answer;
    await all.pass();
    waits.push(((all.planned ?? 0) - all.now) / 1000);
    assert.equal(all.sent()?.text, "keys 1");
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  assert.deepEqual(all.log, [
    "key_server_failed the key server https://id.example/keys gives no key set: it answers 503; the keys at hand stay in use",
  ]);
  all.answer = () => Promise.resolve({ status: 200, body: "keys 2" });
  await all.pass();
  assert.deepEqual([all.log.at(-1), all.sent()?.text, (all.planned ?? 0) - all.now], ["key_server_answered", "keys 2", 600_000]);
});

test("is asked by one request at a time, and at most every half minute because of names that clients make up; who wants it is told in any case", async (t) => {
  const all = stage(t);
  all.servers.prepare([place]);
  await settled();
  const toldBefore = all.told;
  for (let round = 0; round < 100; round++) all.servers.want(URL);
  await settled();
  assert.deepEqual([all.asked.length, all.told - toldBefore], [1, 100]);
  all.now += 30_000;
  let release: (() => void) | null = null;
  all.answer = () => new Promise((resolve) => (release = () => resolve({ status: 200, body: "keys 2" })));
  for (let round = 0; round < 100; round++) all.servers.want(URL);
  await settled();
  assert.equal(all.asked.length, 2);
  (release as (() => void) | null)?.();
  await settled();
  assert.deepEqual([all.sent()?.version, all.told - toldBefore], [2, 101]);
  all.servers.want("https://other.example");
  assert.equal(all.asked.length, 2);
});

test("that no configuration names any more is forgotten, whatever it answers then", async (t) => {
  const all = stage(t);
  let release: (() => void) | null = null;
  all.answer = () => new Promise((resolve) => (release = () => resolve({ status: 200, body: "keys" })));
  all.servers.prepare([place]);
  await settled();
  all.servers.keep([]);
  (release as (() => void) | null)?.();
  await settled();
  assert.deepEqual([all.servers.current(), all.planned], [[], null]);
});
