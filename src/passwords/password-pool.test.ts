import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import os from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { PasswordPool } from "./password-pool.ts";
import type { PasswordPoolOptions, PasswordVerdict } from "./password-pool.ts";

const BCRYPT = "$2y$04$68bhQRMh2BtXvNm7LgBuJucKt4yUp7vybB0xhyDDjyrzqlfgCrNHO";
const ARGON2ID = "$argon2id$v=19$m=100,t=3,p=2$c2FsdHNhbHQ$H/qQfNPDMddVixafVsdlwQ";
const PASSWORD = Buffer.from("pässwörd");
const STAND_IN = new URL("./stand-in-thread.fixture.ts", import.meta.url);

function open(t: TestContext, options: PasswordPoolOptions = {}): PasswordPool {
  const pool = new PasswordPool(options);
  t.after(() => pool.close());
  return pool;
}

/** A pool with a thread that does what the hash says, and a clock that the test moves. */
function openStandIn(t: TestContext): { pool: PasswordPool; clock: { now: number }; deaths: string[] } {
  const clock = { now: 0 };
  const deaths: string[] = [];
  const pool = open(t, { entry: STAND_IN, now: () => clock.now, died: (why) => deaths.push(why) });
  return { pool, clock, deaths };
}

const secret = Buffer.from("secret");

test("bcrypt and argon2id, and a hash of neither", async (t) => {
  const pool = open(t);
  const wrong = Buffer.from("password");
  const asked: readonly (readonly [hash: string, password: Buffer])[] = [
    [BCRYPT, PASSWORD],
    [BCRYPT, wrong],
    [ARGON2ID, PASSWORD],
    [ARGON2ID, wrong],
    ["secret", PASSWORD],
    [BCRYPT, Buffer.alloc(1025, "a")],
  ];
  const verdicts = await Promise.all(asked.map(([hash, password]) => pool.verify(hash, password)));
  assert.deepEqual(verdicts, ["match", "differs", "match", "differs", "failed", "differs"]);
});

test("of a flood of 1,000 logins 65 are taken, and the others turned away before the event loop turns", async (t) => {
  const pool = open(t);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const verdicts: PasswordVerdict[] = [];
  const flood = Array.from({ length: 1000 }, async (_, index) => {
    verdicts.push(await pool.verify(BCRYPT, Buffer.from(`guess ${index}`)));
  });
  await nextTurn();
  assert.deepEqual(
    verdicts,
    Array.from({ length: 935 }, () => "busy"),
  );
  await Promise.all(flood);
  delay.disable();
  t.diagnostic(`the longest turn of the event loop: ${(delay.max / 1e6).toFixed(1)} ms`);
  assert.deepEqual(
    verdicts.slice(935),
    Array.from({ length: 65 }, () => "differs"),
  );
  assert.equal(await pool.verify(BCRYPT, PASSWORD), "match");
});

test(
  "the thread has the lowest priority, and the others keep theirs",
  { skip: process.platform !== "linux" && "only Linux has it" },
  async (t) => {
    const before = os.getPriority();
    assert.equal(await open(t).verify(BCRYPT, PASSWORD), "match");
    assert.equal(os.getPriority(), before);
    const niceValues = readdirSync("/proc/self/task").map((thread) => {
      // proc_pid_stat(5): the name may hold spaces; nice is the 17th field after it.
      const fields = readFileSync(`/proc/self/task/${thread}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      return Number(fields[16]);
    });
    assert.ok(niceValues.filter((nice) => nice === 19).length >= 1, niceValues.join());
    assert.ok(niceValues.filter((nice) => nice === before).length >= 2, niceValues.join());
  },
);

test("what is asked several times at once is computed once", async (t) => {
  const { pool } = openStandIn(t);
  const [one, same, other] = await Promise.all([pool.verify("any", secret), pool.verify("any", secret), pool.verify("other", secret)]);
  assert.deepEqual([one, same, other], ["match", "match", "differs"]);
  // Only as long as it is under way.
  assert.equal(await pool.verify("any", secret), "differs");
});

test("the caller may overwrite its password at once", async (t) => {
  const { pool } = openStandIn(t);
  const password = Buffer.from("secret");
  const verdict = pool.verify("any", password);
  password.fill(0);
  assert.equal(await verdict, "match");
});

test("a thread that dies takes with it what is under way and waits; after a rest there is a new one", async (t) => {
  const { pool, clock, deaths } = openStandIn(t);
  assert.equal(await pool.verify("any", secret), "match");
  assert.deepEqual(await Promise.all([pool.verify("dies", secret), pool.verify("any", secret)]), ["failed", "failed"]);
  assert.deepEqual(deaths, ["it ended with exit code 3"]);
  clock.now += 99;
  assert.equal(await pool.verify("any", secret), "failed");
  clock.now += 1;
  // A new thread: it has counted none.
  assert.equal(await pool.verify("any", secret), "match");
});

test("the rest doubles with each death up to ten seconds, until a thread answers", async (t) => {
  const { pool, clock, deaths } = openStandIn(t);
  for (const rest of [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]) {
    assert.equal(await pool.verify("throws", secret), "failed");
    const seen = deaths.length;
    clock.now += rest - 1;
    assert.equal(await pool.verify("any", secret), "failed");
    assert.equal(deaths.length, seen);
    clock.now += 1;
  }
  assert.deepEqual(new Set(deaths), new Set(["out of order"]));
  assert.equal(await pool.verify("any", secret), "match");
  assert.equal(await pool.verify("dies", secret), "failed");
  clock.now += 100;
  assert.equal(await pool.verify("any", secret), "match");
});

test("a thread that cannot be started", async (t) => {
  const deaths: string[] = [];
  const pool = open(t, { entry: new URL("./not-there.ts", import.meta.url), died: (why) => deaths.push(why) });
  assert.equal(await pool.verify(BCRYPT, PASSWORD), "failed");
  assert.match(deaths.join(), /^Cannot find module .*not-there/);
});

test("what is asked of a closed pool fails, and what it has not answered yet", async (t) => {
  const { pool, deaths } = openStandIn(t);
  const asked = [pool.verify("never", secret), pool.verify("any", secret)];
  await pool.close();
  assert.deepEqual(await Promise.all(asked), ["failed", "failed"]);
  assert.equal(await pool.verify("any", secret), "failed");
  await pool.close();
  await new PasswordPool().close();
  assert.deepEqual(deaths, []);
});

test("a pool keeps its program until it has answered and no longer, in a worker thread too", async () => {
  const user = new Worker(new URL("./pool-user.fixture.ts", import.meta.url), { workerData: { hash: BCRYPT, password: "pässwörd" } });
  const told: unknown[] = [];
  user.on("message", (verdict) => told.push(verdict));
  assert.deepEqual(await once(user, "exit"), [0]);
  assert.deepEqual(told, ["match"]);
});
