/**
 * Random orders of what stages, sources and late verdicts do, between events of drivers. Always: bytes stay in order, nobody is told
 * anything after an end, whoever was told to wait is told to go on, and nothing is left in the end. exchange.events.test.ts lists what
 * drivers may do.
 */
import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { buildRequestHead } from "../../http/build-head.ts";
import type { ExchangeView, Middleware } from "../feature/middleware.ts";
import type { FetchResult } from "../feature/fetch.ts";
import type { ResponseSource } from "../feature/response-source.ts";
import type { LocalAnswer } from "../local-answer.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import type { Setting } from "./fake-ports.fixture.ts";
import type { FakeUpstream } from "./fake-upstream.fixture.ts";
import { WalkSource, WalkStage } from "./walk.fixture.ts";
import type { SourcePlan, StagePlan } from "./walk.fixture.ts";

const chunk = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n`;
const LARGE = "l".repeat(17 * 1024);

/** Heads and bodies of requests. */
const REQUESTS: readonly (readonly [head: string, wire: string])[] = [
  ["GET /", ""],
  ["HEAD /", ""],
  ["PUT /\nContent-Length: 6", "abcdef"],
  ["PUT /\nContent-Length: 6\nExpect: 100-continue", "abcdef"],
  ["POST /\nTransfer-Encoding: chunked", `${chunk("abc")}${chunk("def")}0\r\nx-sum: 1\r\n\r\n`],
  ["PUT /\nTransfer-Encoding: chunked", `${chunk("abc")}x\r\n`],
  ["PUT /\nTransfer-Encoding: chunked", `${chunk("a")}${chunk(LARGE)}${chunk("z")}0\r\n\r\n`],
  ["GET /\nConnection: upgrade\nUpgrade: websocket\nContent-Length: 2", "ab"],
];

const RESPONSES: readonly string[] = [
  "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nuvwxyz",
  "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nuvwxyz",
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("uvw")}${chunk("xyz")}0\r\nx-sum: 1\r\n\r\n`,
  "HTTP/1.1 304 Not Modified\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Service Unavailable\r\nContent-Length: 1\r\n\r\nu",
  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("uvw")}x\r\n`,
];

interface World {
  readonly endpoints: number;
  readonly request: number;
  readonly requestStages: readonly StagePlan[];
  readonly responseStages: readonly StagePlan[];
  readonly source: SourcePlan;
  /** When the source answers. */
  readonly asks: "never" | "at once" | "later" | "for a response";
  readonly retries: boolean;
  readonly verdict: "at once" | "later";
  /** Bytes of the body that may be collected; null: none are wanted. */
  readonly collects: number | null;
  /** The hook collects a body but does not await it. */
  readonly isIgnored: boolean;
  readonly memory: number;
  readonly fetches: boolean;
}

const often = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...others) });

const anyStage: fc.Arbitrary<StagePlan> = fc.record({
  makes: fc.constantFrom("the same", "capitals", "nothing", "twice"),
  isLate: fc.boolean(),
  endsAt: often(-1, 0, 2),
  length: often(-1, 0, 6, 12, Number.NaN),
  throwsIn: often<StagePlan["throwsIn"]>(null, null, null, "start", "data", "end", "flush", "writable", "abort"),
});

const anyWorld: fc.Arbitrary<World> = fc.record({
  endpoints: fc.integer({ min: 1, max: 2 }),
  request: fc.nat(REQUESTS.length - 1),
  requestStages: fc.array(anyStage, { maxLength: 3 }),
  responseStages: fc.array(anyStage, { maxLength: 3 }),
  source: fc.record({
    body: fc.constantFrom("source", "", LARGE),
    length: often(-1, 0, 6, 0.5),
    status: often(200, 304, 204, 100),
    isAtOnce: fc.boolean(),
    reads: fc.boolean(),
    throwsIn: often<StagePlan["throwsIn"]>(null, null, null, "start", "data", "end", "flush", "writable", "abort"),
  }),
  asks: often<World["asks"]>("never", "at once", "later", "for a response"),
  retries: fc.boolean(),
  verdict: often<World["verdict"]>("at once", "later"),
  collects: often<number | null>(null, 3, 100_000),
  isIgnored: often(false, true),
  memory: often(100_000, 4),
  fetches: often(false, true),
});

type Act = (choice: number) => void | Promise<void>;

class Play {
  readonly d: Dialogue;
  private readonly world: World;
  private wire: string;
  /** Connections that the client's exchange has had. */
  private readonly asked: Set<FakeUpstream> = new Set();
  private readonly responses: Map<FakeUpstream, string> = new Map();
  private readonly verdict: PromiseWithResolvers<LocalAnswer | null> = Promise.withResolvers();
  private readonly found: PromiseWithResolvers<ResponseSource | null> = Promise.withResolvers();
  private awaited: "verdict" | "source" | null = null;
  /** The stages of the current attempt. */
  private requestStages: WalkStage[] = [];
  private responseStages: WalkStage[] = [];
  private source: WalkSource | null = null;
  private readonly all: (WalkStage | WalkSource)[] = [];
  private readonly collected: (Buffer | null)[] = [];
  private collectedAsked: number = 0;
  private readonly fetched: FetchResult[] = [];
  private fetchedAsked: number = 0;
  private signal: AbortSignal | null = null;

  constructor(world: World) {
    this.world = world;
    const [head, wire] = REQUESTS[world.request] ?? assert.fail("no such request");
    this.wire = wire;
    const setting: Setting = { health: world.endpoints === 1 ? ["unknown"] : ["unknown", "unknown"], hooks: this.hooks() };
    this.d = new Dialogue(setting);
    this.d.memory = world.memory;
    this.d.client.asks(head);
  }

  private hooks(): Middleware[] {
    const { world } = this;
    const first: Middleware = {
      name: "first",
      onRequest: (x) => this.onRequest(x),
      onUpstreamRequest: () => void (this.requestStages = []),
      onResponse: () => void (this.responseStages = []),
    };
    const source: Middleware = { name: "source", source: () => this.findSource() };
    const judge: Middleware = {
      name: "judge",
      onUpstreamResponse: ({ signal }, { head }) => {
        this.signal = signal;
        if (world.retries && head !== null && head.status >= 500) return "retry";
        return world.asks === "for a response" ? this.makeSource() : null;
      },
    };
    const stages = (plans: readonly StagePlan[], of: "requestStages" | "responseStages"): (() => WalkStage)[] =>
      plans.map((plan) => () => {
        const stage = new WalkStage(plan);
        // Without a body it is not used.
        if (of === "requestStages" && this.d.client.exchange.requestLength === 0) return stage;
        this[of].push(stage);
        this.all.push(stage);
        return stage;
      });
    return [
      first,
      source,
      judge,
      ...stages(world.requestStages, "requestStages").map((make) => ({ name: "stage", onUpstreamRequest: make })),
      ...stages(world.responseStages, "responseStages").map((make) => ({
        name: "stage",
        onResponse: (_: ExchangeView, { head }: { readonly head: unknown }) => (head === null ? null : make()),
      })),
    ];
  }

  private onRequest(x: ExchangeView): LocalAnswer | null | Promise<LocalAnswer | null> {
    const { world } = this;
    const waits: Promise<unknown>[] = [];
    if (world.fetches) {
      this.fetchedAsked++;
      const head = buildRequestHead({ method: "GET", target: "/own", authority: "own.test" }, []);
      void x.fetch("app", { head }).then((result) => this.fetched.push(result));
    }
    if (world.collects !== null) {
      for (const bytes of [world.collects, 1]) {
        const body = x.collectBody(bytes);
        this.collectedAsked++;
        void body.then((whole) => this.collected.push(whole));
        if (!world.isIgnored) waits.push(body);
      }
    }
    if (world.verdict === "later") {
      this.awaited = "verdict";
      waits.push(this.verdict.promise);
    }
    return waits.length === 0 ? null : Promise.all(waits).then(() => (world.verdict === "later" ? this.verdict.promise : null));
  }

  private findSource(): ResponseSource | null | Promise<ResponseSource | null> {
    const { asks } = this.world;
    if (asks === "at once") return this.makeSource();
    if (asks !== "later") return null;
    this.awaited = "source";
    return this.found.promise;
  }

  private makeSource(): WalkSource {
    this.source = new WalkSource(this.world.source);
    this.all.push(this.source);
    return this.source;
  }

  get isOver(): boolean {
    return this.d.finished.length > 0;
  }

  /** The connection that the client's exchange has. */
  private get upstream(): FakeUpstream | null {
    const { exchange } = this.d.client;
    return this.d.connections.find((each) => each.state !== "idle" && each.state !== "over" && each.serves(exchange)) ?? null;
  }

  private get live(): FakeUpstream[] {
    return this.d.connections.filter(({ state }) => state !== "idle" && state !== "over");
  }

  private get speaks(): boolean {
    return this.wire !== "" && this.d.client.isRead;
  }

  /** Stages that the exchange may still need, and a source. */
  private get walkers(): (WalkStage | WalkSource)[] {
    return this.all.filter((each) => each.isStarted && !each.isOver);
  }

  // ---- events -------------------------------------------------------------------------------------------------------

  legal(): Act[] {
    const { client } = this.d;
    const acts: Act[] = [];
    const may = (allowed: boolean, weight: number, act: Act): void => {
      for (let count = 0; allowed && count < weight; count++) acts.push(act);
    };
    may(this.awaited !== null, 4, (choice) => this.decide(choice));
    // Further calls for what is over must have no effect.
    for (const each of this.all.filter(({ isStarted }) => isStarted)) {
      may(true, each.isOver ? 1 : 6, (choice) => this.moves(each, choice));
      may(each.isOver, 1, () => each.ends());
      may(true, 1, (choice) => (choice % 6 === 0 ? each.fails() : undefined));
    }
    if (this.isOver) return acts;
    may(this.speaks, 10, (choice) => this.sends(1 + (choice % this.wire.length)));
    may(true, 1, (choice) => (choice % 2 === 0 ? client.leaves("client_gone") : undefined));
    may(client.waits, 8, () => client.takesMore());
    may(!client.full, 1, () => void (client.full = true));
    may(client.bytesWritten > 0 && !client.waits, 1, () => client.blocks());
    may(true, 1, (choice) => this.d.passes(choice % 5 === 0 ? 61_000 : choice % 9000));
    for (const each of this.live) {
      const { state } = each;
      may(state === "connecting", 6, () => each.connects());
      may(state === "connecting", 1, () => each.fails("connection_refused", { sent: false }));
      may(state === "busy", 1, () => each.fails("connection_terminated"));
      may(state === "tunnel", 2, () => each.tunnelEnds());
      may(state === "busy" && each.waits, 8, () => each.takesMore());
      may(!each.full, 1, () => void (each.full = true));
      may(state === "busy" && !each.waits, 1, () => each.blocks());
      may(each.isRead, 8, (choice) => this.brings(each, choice));
    }
    return acts;
  }

  /** What everybody does sooner or later; null: all wait for each other. */
  progress(): Act | null {
    const { client } = this.d;
    if (this.awaited !== null) return () => this.decide(0);
    if (client.waits) return () => client.takesMore();
    for (const each of this.walkers) {
      if (each.saidNo || !each.takes) return () => this.goesOn(each);
      if (each.isBlocked) continue;
      if (each instanceof WalkSource) {
        if (!each.responded) return () => each.responds();
        return () => (each.kept === "" ? each.ends() : (each.writes(10_000), each.flushes()));
      }
      if (each.kept !== "") return () => (each.writes(), each.flushes());
      if (each.inputEnded) return () => each.ends();
    }
    for (const each of this.live) {
      if (each.state === "busy" && each.waits) return () => each.takesMore();
      if (each.state === "connecting") return () => each.connects();
      if (each.state === "tunnel") return () => each.tunnelEnds();
    }
    if (this.speaks) return () => this.sends(this.wire.length);
    for (const each of this.live) if (each.isRead) return () => this.brings(each, 0, Infinity);
    return null;
  }

  private goesOn(each: WalkStage | WalkSource): void {
    each.takes = true;
    each.resumes();
  }

  private moves(each: WalkStage | WalkSource, choice: number): void {
    const more = Math.floor(choice / 6);
    switch (choice % 6) {
      case 0:
        each.takes = false;
        return;
      case 1:
        this.goesOn(each);
        if (more % 3 === 0) each.resumes();
        return;
      case 2:
        each.flushes();
        return;
      case 3:
        if (each instanceof WalkSource) return each.responded && !each.isOver ? each.ends() : each.responds();
        return each.inputEnded ? each.ends() : undefined;
      default:
        if (each.isBlocked || (each instanceof WalkSource && !each.responded)) return;
        each.writes(more % 9);
        each.flushes();
    }
  }

  private async decide(choice: number): Promise<void> {
    const { awaited } = this;
    this.awaited = null;
    const isRefused = choice % 5 === 1;
    if (awaited === "verdict") {
      if (isRefused) this.verdict.resolve({ status: 429, reason: "rate_limited", detail: "", fields: [] });
      else this.verdict.resolve(null);
    } else if (isRefused) this.found.reject(new Error("broken"));
    else this.found.resolve(this.makeSource());
    await turns();
  }

  private sends(count: number): void {
    const piece = this.wire.slice(0, count);
    this.wire = this.wire.slice(count);
    this.d.client.sends(piece);
  }

  private brings(upstream: FakeUpstream, choice: number, most: number = choice >> 4): void {
    const wire = this.responses.get(upstream) ?? RESPONSES[choice % RESPONSES.length] ?? "";
    if (wire === "") return upstream.closes();
    const count = Math.min(wire.length, 1 + most);
    this.responses.set(upstream, wire.slice(count));
    upstream.brings(wire.slice(0, count));
  }

  // ---- promises -----------------------------------------------------------------------------------------------------

  check(): void {
    const { d, isOver } = this;
    const { client } = d;
    const { exchange } = client;
    assert.deepEqual(d.breaches, []);
    for (const each of this.all) {
      assert.deepEqual(each.faults, []);
      assert.ok(each.aborted <= 1);
    }
    assert.equal(exchange.finished, isOver);
    const fetching = this.fetchedAsked > this.fetched.length;
    assert.ok(d.snapshot.exchangesOpen >= (isOver ? 0 : 1) && d.snapshot.exchangesOpen <= (isOver ? 0 : 1) + (fetching ? 1 : 0));
    for (let slot = 0; slot < d.endpoints.capacity; slot++)
      assert.equal(d.endpoints.inFlight(slot), this.live.filter(({ target }) => target.slot === slot).length);
    this.checkBytes();
    if (isOver) this.checkEnd();
    else this.checkWaits();
  }

  private checkBytes(): void {
    const { client } = this.d;
    const { upstream, requestStages, responseStages, source } = this;
    if (upstream !== null) this.asked.add(upstream);
    const asked = upstream?.gotHead === true ? upstream : null;
    if (asked !== null) {
      const made = flows(client.delivered, requestStages);
      assert.equal(asked.got, made.slice(0, asked.got.length));
      if (client.exchange.takesBody) assert.equal(asked.got, made);
      assert.equal(asked.gotEnd, requestStages.length === 0 ? client.exchange.requestEnded : requestStages.at(-1)?.ended === true);
    }
    const answered = source ?? [...this.asked].findLast(({ brought }) => brought !== "");
    const brought = answered instanceof WalkSource ? answered.output : (answered?.brought ?? "");
    if (client.received !== "") assert.equal(client.received, flows(brought, responseStages).slice(0, client.received.length));
  }

  /** Nobody waits without a reason. */
  private checkWaits(): void {
    const { d, upstream, source, requestStages, responseStages } = this;
    const { client } = d;
    const takes = (stages: readonly WalkStage[]): boolean => stages.every((each) => each.isOver || !each.saidNo);
    const isAsked = upstream?.state === "busy" && upstream.gotHead;
    if (isAsked && client.exchange.takesBody && !upstream.waits && takes(requestStages)) {
      assert.equal(client.paused, false, "the client is paused");
      assert.equal(client.exchange.requestBlocked, false);
    }
    if (source !== null && source.isStarted && !source.isOver && !source.saidNo && client.exchange.takesBody)
      assert.equal(client.paused, false, "the client is paused");
    if (client.waits || !takes(responseStages)) return;
    if (isAsked) assert.equal(upstream.paused, false, "the endpoint is paused");
    for (const each of responseStages) assert.ok(each.isOver || !each.isBlocked, "a stage waits");
    if (source !== null && !source.isOver) assert.equal(source.isBlocked, false, "the source waits");
  }

  private checkEnd(): void {
    const { d, responseStages } = this;
    const { client, record } = d;
    assert.equal(client.finishes, 1);
    assert.equal(d.memoryTaken, 0);
    for (const each of this.all) assert.ok(!each.isStarted || each.isOver, "it was given up");
    assert.equal(record.outcome === "completed", client.ended);
    assert.ok(client.heads === 1 || record.status === 499);
    const last = responseStages.at(-1);
    if (client.ended && last?.isStarted === true) {
      assert.ok(last.ended);
      assert.equal(client.received, last.output);
    }
    assert.ok(this.signal?.aborted !== false);
  }

  /** Once everything has settled. */
  async checkRest(): Promise<void> {
    const { d } = this;
    await turns();
    assert.equal(this.collected.length, this.collectedAsked, "what was collected is told");
    d.isSettled();
    d.skip();
    for (const each of this.all) {
      if (each instanceof WalkSource) each.responds();
      each.ends();
      each.flushes();
      each.resumes();
      each.fails();
    }
    d.says("");
    d.ended(`${d.record.status} ${d.record.outcome}`);
    assert.equal(this.fetched.length, this.fetchedAsked, "fetches have ended");
  }
}

test("every order of events with stages, sources, collected bodies and late verdicts", async () => {
  await fc.assert(
    fc.asyncProperty(anyWorld, fc.array(fc.nat(2 ** 20), { maxLength: 30 }), async (world, choices) => {
      const play = new Play(world);
      await turns();
      play.check();
      for (const choice of choices) {
        const acts = play.legal();
        if (acts.length === 0) break;
        await acts[choice % acts.length]?.(Math.floor(choice / acts.length));
        if (needsTurns(world)) await turns();
        play.check();
      }
      for (let steps = 0; !play.isOver; steps++) {
        assert.ok(steps < 100, "it does not end");
        await (play.progress() ?? assert.fail("all wait for each other"))(0);
        await turns();
        play.check();
      }
      await play.checkRest();
    }),
    { numRuns: 500 },
  );
});

function needsTurns({ collects, verdict, asks, fetches }: World): boolean {
  return collects !== null || verdict === "later" || asks === "later" || fetches;
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}

/** The output of the stages for that input. Each stage gets the output of the one before, or less of it if the stage had ended. */
function flows(text: string, stages: readonly WalkStage[]): string {
  let made = text;
  for (const each of stages) {
    if (!each.isStarted) return "";
    assert.equal(each.input, made.slice(0, each.input.length), "the stage's input");
    if (!each.isOver) assert.equal(each.input, made);
    made = each.output;
  }
  return made;
}
