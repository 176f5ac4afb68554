/**
 * Random orders of events: whatever the drivers do, an exchange keeps its promises after every event and never gets stuck.
 *
 * What drivers may do:
 * - A client sends pieces of its body while it is not paused and the exchange has not finished; it is held where the exchange does not take
 * it yet.
 * - It may leave at any time, be too slow until its request has ended, and be told that the proxy drains; before the response has begun
 *   that is an answer.
 * - A connection that was dialled stands or fails later, never within `dial`. One that stands brings pieces of a response while it is
 *   not paused, and may fail at any time. It is silent after its end, its failure or `abort`.
 * - Either side may not take what was written: its flush says so, or `blocks` does later. What was not taken is taken later, or never.
 * - A verdict on the request may come at any time, even after the exchange has finished.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as answers from "./answers.ts";
import type { ClientEnd } from "../ports/client-stream.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import type { Health } from "./fake-ports.fixture.ts";
import type { FakeUpstream } from "./fake-upstream.fixture.ts";
import { FAILURES } from "./failure.ts";
import type { FailureKind } from "./failure.ts";
import type { Middleware } from "../feature/middleware.ts";
import type { LocalAnswer } from "../local-answer.ts";

const REPLAY_BYTES_MAX = 16 * 1024;
const CONNECT: readonly FailureKind[] = ["connection_refused", "dns_timeout", "connection_limit", "connection_terminated"];
const LATER: readonly FailureKind[] = ["connection_terminated", "response_timeout", "malformed_response", "write_timeout"];
const ENDS: readonly ClientEnd[] = ["client_gone", "client_reset", "client_stalled"];
const NO: LocalAnswer = { status: 429, reason: "rate_limited", detail: "", fields: [] };

const chunk = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n`;
const LARGE = "l".repeat(REPLAY_BYTES_MAX);

/** Heads and bodies of requests, a body as it is on the wire and as it is meant; null: it is malformed. */
const REQUESTS: readonly (readonly [fields: string, wire: string, body: string | null])[] = [
  ["", "", ""],
  ["", "", ""],
  ["\nContent-Length: 6", "abcdef", "abcdef"],
  ["\nContent-Length: 6\nExpect: 100-continue", "abcdef", "abcdef"],
  ["\nTransfer-Encoding: chunked", `${chunk("abc")}${chunk("def")}0\r\nx-sum: 1\r\n\r\n`, "abcdef"],
  ["\nTransfer-Encoding: chunked", `${chunk("abc")}x\r\n`, null],
  ["\nTransfer-Encoding: chunked", `${chunk("a")}${chunk(LARGE)}${chunk("z")}0\r\n\r\n`, `a${LARGE}z`],
  ["\nConnection: upgrade\nUpgrade: websocket", "", ""],
  ["\nConnection: upgrade\nUpgrade: websocket\nContent-Length: 2", "ab", "ab"],
];

/** Responses as they are on the wire. */
const RESPONSES: readonly string[] = [
  "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nuvwxyz",
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("uvw")}${chunk("xyz")}0\r\nx-sum: 1\r\n\r\n`,
  "HTTP/1.1 200 OK\r\n\r\nuvwxyz",
  "HTTP/1.1 304 Not Modified\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nu",
  "HTTP/1.1 102 Processing\r\n\r\n".repeat(33),
  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("uvw")}x\r\n`,
  "nonsense\r\n\r\n",
];

interface World {
  readonly health: readonly Health[];
  readonly probed: boolean;
  readonly retries: number;
  readonly pooled: number;
  readonly method: string;
  readonly request: number;
  readonly maxBody: number | undefined;
  readonly asks: "at once" | "later";
  readonly throws: "never" | "onUpstreamRequest" | "onResponse" | "onFinish";
}

const often = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...others) });

const anyWorld: fc.Arbitrary<World> = fc.record({
  health: fc.array(often<Health>("healthy", "unknown", "unhealthy"), { minLength: 1, maxLength: 3 }),
  probed: fc.boolean(),
  retries: fc.nat(2),
  pooled: fc.nat(2),
  method: fc.constantFrom("GET", "PUT", "POST"),
  request: fc.nat(REQUESTS.length - 1),
  maxBody: often<number | undefined>(undefined, 5),
  asks: often<World["asks"]>("at once", "later"),
  throws: often<World["throws"]>("never", "onUpstreamRequest", "onResponse", "onFinish"),
});

/** An event of a driver. The number decides details such as the count of bytes. */
type Act = (choice: number) => void | Promise<void>;

/** One exchange, what its drivers may do at each moment, and what must hold after each event. */
class Play {
  readonly d: Dialogue;
  private readonly world: World;
  private readonly verdict: PromiseWithResolvers<LocalAnswer | null> | null;
  private verdictGiven: boolean = false;
  private readonly body: string | null;
  /** The part of the request's body that was not sent yet. */
  private wire: string;
  private readonly responses: Map<FakeUpstream, string> = new Map();
  private lossesOfReused: number = 0;
  private left: boolean = false;

  constructor(world: World) {
    this.world = world;
    const [fields, wire, body] = REQUESTS[world.request] ?? assert.fail("no such request");
    this.wire = wire;
    this.body = body;
    this.verdict = world.asks === "later" ? Promise.withResolvers() : null;
    this.d = new Dialogue({
      health: world.health,
      probed: world.probed,
      retries: world.retries,
      hooks: hooksOf(world, this.verdict),
      ...(world.maxBody === undefined ? {} : { maxBody: world.maxBody }),
    });
    for (let count = 0; count < Math.min(world.pooled, world.health.length); count++) this.d.pools("abc".charAt(count));
    this.d.client.asks(`${world.method} /${fields}`);
  }

  get isOver(): boolean {
    return this.d.finished.length > 0;
  }

  /** The current connection of the exchange. */
  private get upstream(): FakeUpstream | null {
    return this.d.connections.find(({ state }) => state !== "idle" && state !== "over") ?? null;
  }

  private get speaks(): boolean {
    return this.wire !== "" && this.d.client.isRead;
  }

  private get verdictAwaited(): boolean {
    return this.verdict !== null && !this.verdictGiven;
  }

  // ---- events -------------------------------------------------------------------------------------------------------

  /** All that the drivers may do now. Frequent events are in the list several times. */
  legal(): Act[] {
    const { client } = this.d;
    const { exchange } = client;
    const acts: Act[] = [];
    const may = (allowed: boolean, weight: number, act: Act): void => {
      for (let count = 0; allowed && count < weight; count++) acts.push(act);
    };
    may(this.verdictAwaited, 3, (choice) => this.decide(choice));
    if (this.isOver) return acts;
    may(this.speaks, 12, (choice) => this.sends(1 + (choice % this.wire.length)));
    may(true, 1, (choice) => this.leaves(pick(ENDS, choice)));
    may(!exchange.requestEnded, 1, () => exchange.requestFailed(answers.REQUEST_TIMEOUT));
    may(true, 1, () => (exchange.responseStarted ? this.leaves("drain_timeout") : exchange.requestFailed(answers.DRAIN_TIMEOUT)));
    may(client.waits, 8, () => client.takesMore());
    may(!client.full, 1, () => void (client.full = true));
    may(client.bytesWritten > 0 && !client.waits, 1, () => client.blocks());
    may(true, 1, (choice) => void (this.d.now += choice % 5000));
    const { upstream } = this;
    if (upstream === null) return acts;
    const { state } = upstream;
    may(state === "connecting", 6, () => upstream.connects());
    may(state === "connecting", 5, (choice) => this.fails(upstream, pick(CONNECT, choice), false));
    may(state === "busy", 4, (choice) => this.fails(upstream, pick(LATER, choice), upstream.answered || choice % 3 > 0));
    may(state === "tunnel", 2, () => upstream.tunnelEnds());
    may(state === "busy" && upstream.waits, 8, () => upstream.takesMore());
    may(!upstream.full, 1, () => void (upstream.full = true));
    may(state === "busy" && !upstream.waits, 1, () => upstream.blocks());
    may(upstream.isRead, 12, (choice) => this.brings(upstream, choice));
    may(upstream.isRead && upstream.answered, 1, () => this.closes(upstream));
    may(state === "busy", 1, () => void (upstream.bound = true));
    return acts;
  }

  /** An event that must come sooner or later; null: all wait for each other, the exchange is stuck. */
  progress(): Act | null {
    const { client } = this.d;
    const { upstream } = this;
    if (this.verdictAwaited) return () => this.decide(0);
    if (client.waits) return () => client.takesMore();
    if (upstream?.state === "busy" && upstream.waits) return () => upstream.takesMore();
    if (upstream?.state === "connecting") return () => upstream.connects();
    if (upstream?.state === "tunnel") return () => upstream.tunnelEnds();
    if (this.speaks) return () => this.sends(this.wire.length);
    if (upstream?.isRead !== true) return null;
    return () => {
      if (this.responses.get(upstream) === "") this.closes(upstream);
      else this.brings(upstream, 0, Infinity);
    };
  }

  private async decide(choice: number): Promise<void> {
    this.verdictGiven = true;
    if (choice % 5 === 1) this.verdict?.resolve(NO);
    else if (choice % 5 === 2) this.verdict?.reject(new Error("no store"));
    else this.verdict?.resolve(null);
    for (let turn = 0; turn < 3; turn++) await Promise.resolve();
  }

  private sends(count: number): void {
    const piece = this.wire.slice(0, count);
    this.wire = this.wire.slice(count);
    this.d.client.sends(piece);
  }

  private leaves(reason: ClientEnd): void {
    this.left = true;
    this.d.client.leaves(reason);
  }

  private brings(upstream: FakeUpstream, choice: number, most: number = choice >> 4): void {
    const wire = this.responses.get(upstream) ?? pick(RESPONSES, choice);
    const count = Math.min(wire.length, 1 + most);
    this.responses.set(upstream, wire.slice(count));
    if (count === 0) return;
    this.observed(upstream, "malformed_response", true, () => upstream.brings(wire.slice(0, count)));
  }

  private closes(upstream: FakeUpstream): void {
    this.observed(upstream, "connection_terminated", true, () => upstream.closes());
  }

  private fails(upstream: FakeUpstream, kind: FailureKind, sent: boolean): void {
    this.observed(upstream, kind, sent, () => upstream.fails(kind, { sent }));
  }

  /**
   * Runs an event, and checks a further attempt: the origin server cannot have acted on the request, or may act on it twice (RFC 9110
   * section 9.2.2).
   */
  private observed(upstream: FakeUpstream, kind: FailureKind, sent: boolean, act: () => void): void {
    const before = this.d.client.exchange.attempts;
    act();
    if (this.d.client.exchange.attempts === before) return;
    if (upstream.reused) this.lossesOfReused++;
    assert.ok(!upstream.answered, "it had answered");
    assert.ok(FAILURES[kind].attempt === "connect" || FAILURES[kind].attempt === "connection_lost", kind);
    assert.ok(!sent || this.world.method !== "POST", "it may have acted on it");
    assert.ok(upstream.got.length <= REPLAY_BYTES_MAX, "a part of the body is gone");
  }

  // ---- promises -----------------------------------------------------------------------------------------------------

  check(): void {
    const { d, upstream, isOver } = this;
    const { client } = d;
    const { exchange } = client;
    assert.deepEqual(d.breaches, []);
    assert.equal(exchange.finished, isOver);
    assert.equal(d.snapshot.exchangesOpen, isOver ? 0 : 1);
    assert.equal(d.count("exchanges_in_flight"), isOver ? 0 : 1);
    for (let slot = 0; slot < d.endpoints.capacity; slot++)
      assert.equal(d.endpoints.inFlight(slot), upstream?.target.slot === slot ? 1 : 0);
    const asked = d.connections.filter(({ state, gotHead, reused }) => gotHead || (!reused && state !== "idle"));
    assert.ok(exchange.attempts <= 1 + this.world.retries + this.lossesOfReused);
    for (const each of asked) {
      assert.ok(client.delivered.startsWith(each.got), `${each.name} got something else`);
      if (each.gotEnd) assert.equal(each.got, this.body);
      if (each !== upstream && each.brought !== "") assert.equal(each, answering(d));
    }
    if (client.received !== "") assert.equal(client.received, answering(d)?.brought);
    if (isOver) return this.checkEnd();
    // Neither side waits without a reason.
    if (upstream === null) assert.ok(this.verdictAwaited, "no endpoint is asked and no verdict awaited");
    if (exchange.takesBody && upstream !== null) {
      assert.equal(upstream.got, client.delivered);
      assert.equal(client.paused, upstream.waits, "the client is paused");
      assert.equal(exchange.requestBlocked, upstream.waits);
      assert.equal(client.held, "");
      assert.equal(upstream.gotEnd, exchange.requestEnded);
    }
    if (upstream?.state === "busy") assert.equal(upstream.paused, client.waits, "the endpoint is paused");
  }

  private checkEnd(): void {
    const { d, left } = this;
    const { client, record } = d;
    d.isSettled();
    assert.equal(record.outcome === "completed", client.ended);
    assert.equal(record.status === 499, left && client.heads === 0);
    assert.ok(left || client.heads === 1, "the client has an answer");
    assert.ok(client.ended || client.over !== "" || client.received === "" || left, "a response that is not whole was cut");
    d.ended(`${record.status} ${record.outcome}`);
  }
}

test("every order of events", async () => {
  await fc.assert(
    fc.asyncProperty(anyWorld, fc.array(fc.nat(2 ** 20), { maxLength: 30 }), async (world, choices) => {
      const play = new Play(world);
      play.check();
      for (const choice of choices) {
        const acts = play.legal();
        if (acts.length === 0) break;
        await pick(acts, choice)(Math.floor(choice / acts.length));
        play.check();
      }
      for (let steps = 0; !play.isOver; steps++) {
        assert.ok(steps < 60, "it does not end");
        await (play.progress() ?? assert.fail("all wait for each other"))(0);
        play.check();
      }
    }),
    { numRuns: 1000 },
  );
});

function hooksOf({ throws }: World, verdict: PromiseWithResolvers<LocalAnswer | null> | null): Middleware[] {
  const boom = (): never => {
    throw new Error("boom");
  };
  return [
    ...(verdict === null ? [] : [{ name: "later", onRequest: () => verdict.promise }]),
    ...(throws === "never" ? [] : [{ name: "throwing", [throws]: boom }]),
  ];
}

/** The connection whose response the client got, or gets. */
function answering(d: Dialogue): FakeUpstream | undefined {
  return d.connections.findLast(({ answered }) => answered);
}

function pick<T>(from: readonly T[], choice: number): T {
  return from[choice % from.length] ?? assert.fail("there is nothing to choose from");
}
