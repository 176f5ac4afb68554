/**
 * The contract of `ClientStream` (proxy/ports/): tests that every driver of the client's side must pass, whatever protocol its clients speak. The
 * driver makes real exchanges. The test plays the client and, by `ScriptedUpstream`, the endpoint, which uses every right that the ports give.
 * Each exchange is watched for calls that the port does not allow.
 *
 * A new driver needs a `ClientKind`, which says what its clients can do and how. Longer than other files, because the contract is read as one list.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import type { BodyLength } from "../../http/body-length.ts";
import { Exchange } from "../../proxy/exchange/exchange.ts";
import type { ResponseSink } from "../../proxy/ports/upstream-stream.ts";
import { ScriptedUpstream } from "./scripted-upstream.fixture.ts";
import type { Asked, ClientKind, Got, TestClient } from "./test-client.fixture.ts";
import { watch } from "./watched-exchange.fixture.ts";
import type { Watched } from "./watched-exchange.fixture.ts";
import { RECEIVE_BYTES, World, textOf, trailersOf } from "./world.fixture.ts";

/** A body that is larger than what the system takes for a client that does not read. */
const MUCH: number = 4 * RECEIVE_BYTES;
/** Slices of a body: small ones, which are collected before they are written, and large ones. */
const SLICES: readonly string[] = ["", "1", textOf(100), textOf(5000), "2", textOf(20_000)];

class ClientStage extends World {
  readonly client: TestClient;
  /** Whether connections to the endpoint are established at once. If not, the test says when. */
  connectsAtOnce: boolean = true;
  /** Whether endpoints take one read of the request at a time, and check that its bytes do not change meanwhile. */
  takesSlowly: boolean = false;
  readonly upstreams: ScriptedUpstream[] = [];
  readonly exchanges: Watched[] = [];

  constructor(t: TestContext, kind: ClientKind) {
    super(t);
    this.thread.take = ({ key }, sink) => (this.connectsAtOnce ? this.upstreamFor(key, sink) : null);
    this.thread.dial = ({ key }, sink) => this.upstreamFor(key, sink);
    this.client = kind.make(this);
  }

  /** The client sends `request`; resolves with the endpoint that has received it. */
  async asks(request: Asked = {}): Promise<ScriptedUpstream> {
    const before = this.upstreams.length;
    this.client.ask(request);
    await this.settle();
    assert.equal(this.upstreams.length, before + 1, "the endpoint was asked");
    return this.upstream;
  }

  get upstream(): ScriptedUpstream {
    return this.upstreams.at(-1) ?? assert.fail("no endpoint was asked");
  }

  get exchange(): Watched {
    return this.exchanges.at(-1) ?? assert.fail("no endpoint was asked");
  }

  get response(): Got {
    return this.client.responses.at(-1) ?? assert.fail("there is no response");
  }

  /** Runs `act`, for example something that the endpoint does, and everything that follows. */
  async after(act: () => unknown): Promise<void> {
    act();
    await this.settle();
    const { exchange } = this;
    assert.equal(exchange.isUnflushed && !exchange.exchange.finished, false, "what was delivered was flushed");
  }

  /** Checks that the exchange has ended with `outcome`, that nothing is left of it, and that the client can send another request. */
  async over(outcome: string): Promise<void> {
    await this.settle();
    const { exchange } = this.exchange;
    assert.equal(exchange.outcome, outcome);
    assert.equal(exchange.finished, true);
    assert.equal(this.thread.snapshot.exchangesOpen, 0);
    this.connectsAtOnce = true;
    const next = await this.asks({ path: "/next" });
    assert.equal(next.asked, "GET /next");
    await this.after(() => next.head(200, 4).brings(["next"]).completes());
    this.has({ status: 200, body: "next", end: "whole" });
  }

  /** Checks what the client has received of its last response. */
  has(expected: Partial<Got>): void {
    assert.deepEqual({ ...this.response, ...expected }, this.response);
  }

  private upstreamFor(key: string, sink: ResponseSink): ScriptedUpstream {
    assert.ok(sink instanceof Exchange);
    if (this.exchanges.every(({ exchange }) => exchange !== sink)) this.exchanges.push(watch(sink, this.breaches));
    const upstream = new ScriptedUpstream(key, sink, this.breaches);
    upstream.isFull = this.takesSlowly;
    upstream.keepsRequest = this.takesSlowly;
    this.upstreams.push(upstream);
    return upstream;
  }
}

export function clientStreamContract(kind: ClientKind): void {
  const { can } = kind;
  const lengths: readonly BodyLength[] = can.sendsUnknownLength ? [10, -1] : [10];

  describe(kind.name, () => {
    const that = (name: string, run: (stage: ClientStage) => Promise<void>): void => {
      test(name, (t) => run(new ClientStage(t, kind)));
    };

    // ---- the request ------------------------------------------------------------------------------------------------

    that("brings a request without a body, and takes its response", async (stage) => {
      const upstream = await stage.asks({ path: "/one" });
      assert.deepEqual([upstream.asked, upstream.got, upstream.gotEnd], ["GET /one", "", true]);
      await stage.after(() => upstream.head(200, 2).brings(["ok"]).completes());
      stage.has({ status: 200, body: "ok", end: "whole" });
      await stage.over("completed");
    });

    that("brings a body that is there at once", async (stage) => {
      const upstream = await stage.asks({ method: "POST", length: 10, body: "0123456789" });
      assert.deepEqual([upstream.got, upstream.gotEnd], ["0123456789", true]);
      await stage.after(() => upstream.head(204, 0).completes());
      stage.has({ status: 204, body: "", end: "whole" });
      await stage.over("completed");
    });

    that("holds a body until a connection is established, and delivers it once", async (stage) => {
      stage.connectsAtOnce = false;
      const upstream = await stage.asks({ method: "POST", length: 10, body: "0123456789" });
      assert.equal(upstream.got, "");
      await stage.after(() => upstream.connects());
      assert.deepEqual([upstream.got, upstream.gotEnd], ["0123456789", true]);
      await stage.after(() => upstream.head(200, 0).completes());
      await stage.over("completed");
    });

    that("leaves a body that is larger than a retry may be to the connection that has it", async (stage) => {
      const body = textOf(100_000);
      const upstream = await stage.asks({ method: "POST", length: body.length, body });
      assert.deepEqual([upstream.got === body, upstream.gotEnd], [true, true]);
      await stage.after(() => upstream.fails());
      stage.has(can.seesAnswers ? { status: 502, end: "whole" } : { end: "cut" });
      await stage.over("connection_terminated");
    });

    if (can.sendsPieces) {
      for (const length of lengths) {
        const name = length < 0 ? "of unknown length" : "of known length";

        that(`brings a body ${name} in pieces`, async (stage) => {
          const upstream = await stage.asks({ method: "POST", length, body: "01" });
          for (const piece of ["2", "3456", "789"]) {
            await stage.after(() => stage.client.send(piece));
            assert.equal(upstream.got, "0123456789".slice(0, upstream.got.length));
            assert.equal(upstream.got.endsWith(piece), true, "each piece comes when it was sent");
          }
          assert.equal(upstream.gotEnd, length >= 0);
          await stage.after(() => stage.client.finish());
          assert.deepEqual([upstream.got, upstream.gotEnd], ["0123456789", true]);
          await stage.after(() => upstream.head(200, 0).completes());
          await stage.over("completed");
        });

        that(`delivers nothing of a body ${name} while paused, and then what was held`, async (stage) => {
          const upstream = await stage.asks({ method: "POST", length });
          upstream.isFull = true;
          await stage.after(() => stage.client.send("012"));
          assert.deepEqual([upstream.got, stage.exchange.isPaused], ["012", true]);
          await stage.after(() => stage.client.send("3456"));
          await stage.after(() => stage.client.send("789"));
          stage.client.finish();
          await stage.settle();
          assert.deepEqual([upstream.got, upstream.gotEnd], ["012", false]);
          await stage.after(() => upstream.unblocks());
          assert.deepEqual([upstream.got, upstream.gotEnd], ["0123456789", true]);
          await stage.after(() => upstream.head(200, 0).completes());
          await stage.over("completed");
        });
      }

      that("stops delivering when the endpoint takes no more after all", async (stage) => {
        const upstream = await stage.asks({ method: "POST", length: 10, body: "012" });
        await stage.after(() => upstream.blocks());
        await stage.after(() => stage.client.send("3456789"));
        assert.equal(upstream.got, "012");
        await stage.after(() => upstream.unblocks());
        assert.deepEqual([upstream.got, upstream.gotEnd], ["0123456789", true]);
        await stage.after(() => upstream.head(200, 0).completes());
        await stage.over("completed");
      });

      that("holds pieces of a body that come before a connection is established", async (stage) => {
        stage.connectsAtOnce = false;
        const upstream = await stage.asks({ method: "POST", length: 10, body: "012" });
        await stage.after(() => stage.client.send("345"));
        await stage.after(() => stage.client.send("6789"));
        assert.equal(upstream.got, "");
        await stage.after(() => upstream.connects());
        assert.deepEqual([upstream.got, upstream.gotEnd], ["0123456789", true]);
        await stage.after(() => upstream.head(200, 0).completes());
        await stage.over("completed");
      });

      that("leaves the bytes that it lends alone until they are taken", async (stage) => {
        const body = textOf(3 * MUCH);
        const upstream = await stage.asks({ method: "POST", length: body.length });
        upstream.keepsRequest = true;
        for (let at = 0; at < body.length; at += MUCH / 4) {
          upstream.isFull = true;
          await stage.after(() => stage.client.send(body.slice(at, at + MUCH / 4)));
          for (let rounds = 0; stage.exchange.isPaused && rounds < 10; rounds++) {
            await stage.passes(50);
            upstream.isFull = rounds < 2;
            await stage.after(() => upstream.unblocks());
          }
        }
        assert.deepEqual([upstream.got === body, upstream.gotEnd], [true, true]);
        await stage.after(() => upstream.head(200, 0).completes());
        await stage.over("completed");
      });

      that("leaves the bytes that it lends alone while other clients send", async (stage) => {
        const other = kind.make(stage);
        const body = textOf(MUCH);
        // Both clients have sent large bodies before, so that their connections may share the bulk buffer.
        for (const client of [stage.client, other]) {
          for (let count = 0; count < 2; count++) {
            client.ask({ method: "POST", length: MUCH, body });
            await stage.settle();
            await stage.after(() => stage.upstream.head(204, 0).completes());
          }
        }
        stage.takesSlowly = true;
        const upstream = await stage.asks({ method: "POST", length: MUCH, body });
        stage.takesSlowly = false;
        assert.equal(stage.exchange.isPaused, true);
        other.ask({ method: "POST", length: MUCH, body: "-".repeat(MUCH) });
        await stage.settle();
        assert.equal(stage.upstream.got, "-".repeat(MUCH));
        await stage.after(() => stage.upstream.head(204, 0).completes());
        for (let rounds = 0; !upstream.gotEnd && rounds < 100; rounds++) {
          upstream.isFull = true;
          upstream.takesAll();
          await stage.settle();
        }
        assert.equal(upstream.got === body, true);
        await stage.after(() => upstream.head(204, 0).completes());
        await stage.over("completed");
      });

      that("reads on correctly when its receiver writes over what it got", async (stage) => {
        const upstream = await stage.asks({ method: "POST", length: can.sendsUnknownLength ? -1 : MUCH });
        const body = textOf(MUCH);
        for (let at = 0; at < body.length; at += 10_000) stage.client.send(body.slice(at, at + 10_000));
        stage.client.finish();
        await stage.settle();
        assert.deepEqual([upstream.got === body, upstream.gotEnd], [true, true]);
        await stage.after(() => upstream.head(200, 0).completes());
        await stage.over("completed");
      });

      that("takes a response that comes before the request is complete, and goes on or ends", async (stage) => {
        const upstream = await stage.asks({ method: "POST", length: 10, body: "012" });
        await stage.after(() => upstream.head(200, 2).brings(["ok"]));
        await stage.after(() => stage.client.send("345"));
        assert.equal(upstream.got, "012345");
        await stage.after(() => upstream.completes());
        stage.has({ status: 200, body: "ok", end: "whole" });
        stage.client.send("6789");
        await stage.passes(3000);
        assert.equal(upstream.got, "012345", "nobody takes the rest");
        await stage.over("completed");
      });

      that("takes an answer before the request is complete, and goes on or ends", async (stage) => {
        const upstream = await stage.asks({ method: "POST", length: 10, body: "012" });
        await stage.after(() => upstream.fails("connection_refused"));
        stage.has({ status: 502, end: "whole" });
        stage.client.send("3456789");
        await stage.passes(3000);
        await stage.over("connection_refused");
      });

      that("says that its client is gone in the middle of a request", async (stage) => {
        const upstream = await stage.asks({ method: "POST", length: 10, body: "012" });
        await stage.after(() => stage.client.leave());
        assert.deepEqual([upstream.isAborted, upstream.gotEnd, stage.exchange.gone], [true, false, 1]);
        await stage.over("client_gone");
      });
    }

    if (can.sendsTrailers) {
      that("brings the trailers of a request", async (stage) => {
        const upstream = await stage.asks({ method: "POST", length: -1, body: "0123" });
        await stage.after(() => stage.client.finish([["X-Sum", "6"]]));
        assert.deepEqual([upstream.got, upstream.gotEnd, upstream.gotTrailers], ["0123", true, "X-Sum: 6\r\n"]);
        await stage.after(() => upstream.head(200, 0).completes());
        await stage.over("completed");
      });
    }

    if (can.sendsUnknownLength) {
      that("says what is malformed in a body, and nothing of it looks complete", async (stage) => {
        const upstream = await stage.asks({ method: "POST", length: -1, body: "0123" });
        await stage.after(() => stage.client.garble());
        assert.deepEqual([upstream.gotEnd, upstream.isAborted], [false, true]);
        stage.has({ status: 400, end: "whole" });
        await stage.passes(3000);
        await stage.over(stage.exchange.exchange.outcome);
        assert.equal(stage.client.connections, 2);
      });
    }

    // ---- the response -----------------------------------------------------------------------------------------------

    for (const length of [MUCH, -1]) {
      const name = length < 0 ? "of unknown length" : "of known length";
      const body = textOf(MUCH);
      const thirds = [body.slice(0, 3), body.slice(3, 40_000), body.slice(40_000)];

      that(`sends a body ${name} and uses no byte of it after its time`, async (stage) => {
        const upstream = await stage.asks();
        const parts = SLICES.filter((part) => part !== "");
        const whole = [parts, parts, thirds, thirds].flat().join("");
        await stage.after(() => upstream.head(200, length < 0 ? -1 : whole.length));
        await stage.after(() => upstream.brings(parts));
        await stage.after(() => upstream.brings(parts, { room: 600, between: 5 }));
        await stage.after(() => upstream.brings(thirds, { room: 3, between: 1 }));
        await stage.after(() => upstream.brings(thirds, { room: 200 }));
        await stage.after(() => upstream.completes());
        assert.equal(stage.response.body === whole, true);
        stage.has({ status: 200, end: "whole" });
        await stage.over("completed");
      });

      that(`sends a head and bytes ${name} that come with it`, async (stage) => {
        for (const room of [0, 30, 1000]) {
          const upstream = await stage.asks();
          await stage.after(() => {
            upstream.head(200, length).brings(thirds, { room });
            upstream.completes();
          });
          assert.equal(stage.response.body === body, true);
          stage.has({ status: 200, end: "whole" });
        }
        await stage.over("completed");
      });

      that(`sends a body ${name} out of the buffer that all connections share`, async (stage) => {
        const upstream = await stage.asks();
        const parts = [textOf(10), textOf(6000), textOf(50)];
        const whole = parts.join("").repeat(3);
        await stage.after(() => {
          upstream.head(200, length < 0 ? -1 : whole.length).bringsShared(parts);
          upstream.bringsShared(parts);
        });
        await stage.after(() => upstream.bringsShared(parts));
        await stage.after(() => upstream.completes());
        stage.has({ status: 200, body: whole, end: "whole" });
        await stage.over("completed");
      });

      that(`lets its client see that a body ${name} was cut`, async (stage) => {
        const upstream = await stage.asks();
        await stage.after(() => upstream.head(200, length).brings([textOf(5000), "last"]));
        await stage.after(() => upstream.fails());
        stage.has({ end: "cut", ...(can.seesParts ? { body: `${textOf(5000)}last` } : {}) });
        await stage.over("connection_terminated");
      });

      that(`lets its client see that a body ${name} was cut at once`, async (stage) => {
        const upstream = await stage.asks();
        await stage.after(() => {
          upstream.head(200, length).brings(["abc"]);
          upstream.fails();
        });
        assert.equal(stage.response.end, "cut");
        await stage.over("connection_terminated");
      });

      that(`sends what came of a body ${name} together with its fault`, async (stage) => {
        const upstream = await stage.asks();
        await stage.after(() => upstream.head(200, length).brings([textOf(100)]));
        await stage.after(() => upstream.failsAfter([textOf(5000), "last"]));
        stage.has({ end: "cut", ...(can.seesParts ? { body: `${textOf(100)}${textOf(5000)}last` } : {}) });
        await stage.over("malformed_response");
      });

      if (can.stopsReading) {
        that(`tells that its client reads too slowly, and once that it has taken all of a body ${name}`, async (stage) => {
          const upstream = await stage.asks();
          await stage.after(() => upstream.head(200, length));
          stage.client.stopReading();
          await stage.after(() => upstream.brings(thirds, { room: 100, between: 4 }));
          assert.deepEqual([upstream.isPaused, stage.exchange.waits, stage.exchange.unblocked], [true, true, 0]);
          await stage.passes(1000);
          assert.equal(upstream.isPaused, true);
          await stage.after(() => stage.client.readOn());
          assert.deepEqual([upstream.isPaused, stage.exchange.waits, stage.exchange.unblocked], [false, false, 1]);
          await stage.after(() => upstream.completes());
          assert.equal(stage.response.body === body, true);
          stage.has({ end: "whole" });
          await stage.over("completed");
        });

        if (can.blocksLater)
          that(`tells that its client reads too slowly after it had seemed to take a body ${name}`, async (stage) => {
            const upstream = await stage.asks();
            await stage.after(() => upstream.head(200, length));
            stage.client.stopReading();
            let sent = "";
            for (let at = 0; !upstream.isPaused; at += 1000) {
              assert.ok(at < MUCH, "a client that reads nothing takes no end of it");
              const piece = body.slice(at, at + 1000);
              await stage.after(() => {
                stage.writesMuch();
                upstream.bringsShared([piece]);
                assert.equal(upstream.isPaused, false, "little text counts as written");
              });
              sent += piece;
            }
            assert.deepEqual([stage.exchange.blocked, stage.exchange.unblocked], [1, 0]);
            await stage.after(() => stage.client.readOn());
            assert.deepEqual([upstream.isPaused, stage.exchange.unblocked], [false, 1]);
            await stage.after(() => upstream.brings([body.slice(sent.length)]));
            await stage.after(() => upstream.completes());
            assert.equal(stage.response.body === body, true);
            stage.has({ end: "whole" });
            await stage.over("completed");
          });

        that(`sends the rest of a body ${name} that has ended before its client took it`, async (stage) => {
          const upstream = await stage.asks();
          stage.client.stopReading();
          await stage.after(() => upstream.head(200, length).brings(thirds));
          assert.equal(upstream.completes(), false);
          await stage.settle();
          assert.equal(stage.exchange.exchange.finished, true);
          await stage.after(() => stage.client.readOn());
          assert.equal(stage.response.body === body, true);
          stage.has({ end: "whole" });
          await stage.over("completed");
        });

        that(`says that its client is gone with a part of a body ${name}`, async (stage) => {
          const upstream = await stage.asks();
          stage.client.stopReading();
          await stage.after(() => upstream.head(200, length).brings(thirds));
          await stage.after(() => stage.client.leave());
          assert.deepEqual([upstream.isAborted, stage.exchange.gone, stage.exchange.unblocked], [true, 1, 0]);
          await stage.over(stage.exchange.exchange.outcome);
        });
      }
    }

    that("counts what it sends", async (stage) => {
      const upstream = await stage.asks();
      await stage.after(() => upstream.head(200, 1000).brings([textOf(1000)]));
      const { bytesSent } = stage.exchange.exchange;
      assert.equal(bytesSent > 1000 && bytesSent < 2000, can.countsBytes, `${bytesSent} bytes`);
      assert.equal(stage.exchange.exchange.isBackground, !can.countsBytes);
      await stage.after(() => upstream.completes());
      await stage.over("completed");
    });

    that("sends no body where there is none", async (stage) => {
      const upstream = await stage.asks({ method: "HEAD" });
      await stage.after(() => upstream.head(200, 0, [["Content-Length", "1000"]]).completes());
      stage.has({ status: 200, body: "", end: "whole" });
      for (const status of [204, 304]) {
        const next = await stage.asks();
        await stage.after(() => next.head(status, 0).completes());
        stage.has({ status, body: "", end: "whole" });
      }
      await stage.over("completed");
    });

    that("sends trailers, or leaves them out", async (stage) => {
      const upstream = await stage.asks();
      await stage.after(() =>
        upstream
          .head(200, -1)
          .brings(["body"])
          .completes(trailersOf([["X-Sum", "4"]])),
      );
      stage.has({ body: "body", end: "whole", trailers: can.seesTrailers ? "X-Sum: 4\r\n" : null });
      await stage.over("completed");
    });

    that("sends interim responses before the head, or leaves them out", async (stage) => {
      const upstream = await stage.asks();
      await stage.after(() => assert.equal(upstream.interim(103), true));
      await stage.after(() => assert.equal(upstream.interim(103), true));
      await stage.after(() => upstream.head(200, 2).brings(["ok"]).completes());
      stage.has({ interims: can.seesInterims ? [103, 103] : [], status: 200, body: "ok", end: "whole" });
      await stage.over("completed");
    });

    that("sends an answer instead of a response", async (stage) => {
      stage.connectsAtOnce = false;
      const upstream = await stage.asks();
      await stage.after(() => upstream.fails("connection_refused"));
      stage.has(can.seesAnswers ? { status: 502, end: "whole" } : { end: "cut" });
      await stage.over("connection_refused");
    });

    // ---- the end ----------------------------------------------------------------------------------------------------

    that("says once that its client is gone: before a connection is established, before the response, or during it", async (stage) => {
      const outcomes = can.resets ? (["leave", "reset"] as const) : (["leave"] as const);
      for (const way of outcomes) {
        for (const progress of ["connecting", "asked", "responding"] as const) {
          stage.connectsAtOnce = progress !== "connecting";
          const upstream = await stage.asks();
          if (progress === "responding") await stage.after(() => upstream.head(200, 10).brings(["012"]));
          await stage.after(() => stage.client[way]());
          await stage.passes(6000);
          assert.deepEqual([upstream.isAborted, stage.exchange.gone], [true, 1], `${way}, ${progress}`);
          assert.match(stage.exchange.exchange.outcome, /^client_(?:gone|reset)$/);
        }
      }
      await stage.over(stage.exchange.exchange.outcome);
    });

    if (can.halfCloses) {
      that("serves a client that sends no more", async (stage) => {
        const upstream = await stage.asks();
        await stage.after(() => stage.client.halfClose());
        await stage.after(() => upstream.head(200, 2).brings(["ok"]).completes());
        stage.has({ status: 200, body: "ok", end: "whole" });
        assert.equal(stage.exchange.gone, 0);
        await stage.over("completed");
      });

      that("says that a client is gone if it half-closes in the middle of its request", async (stage) => {
        const upstream = await stage.asks({ method: "POST", length: 10, body: "012" });
        await stage.after(() => stage.client.halfClose());
        assert.deepEqual([upstream.gotEnd, upstream.isAborted, stage.exchange.gone], [false, true, 1]);
        await stage.over("client_gone");
      });
    }

    if (can.persists) {
      that("begins the next request when the exchange has finished, and not before", async (stage) => {
        const first = await stage.asks({ path: "/1" });
        stage.client.ask({ method: "POST", path: "/2", length: 3, body: "two" });
        await stage.settle();
        assert.equal(stage.upstreams.length, 1);
        await stage.after(() => first.head(200, 3).brings(["one"]).completes());
        assert.deepEqual([stage.upstreams.length, stage.upstream.asked, stage.upstream.got], [2, "POST /2", "two"]);
        const second = stage.upstream;
        await stage.after(() => second.head(200, -1).brings(["two"]).completes());
        assert.deepEqual(
          stage.client.responses.map(({ body, end }) => [body, end]),
          [
            ["one", "whole"],
            ["two", "whole"],
          ],
        );
        await stage.over("completed");
        assert.equal(stage.client.connections, 1);
      });

      if (can.halfCloses) {
        that("serves a half-closed client that takes nothing for a while, whether or not its receiver is full", async (stage) => {
          // At one of these sizes the receiver is exactly full, and no byte waits.
          for (let spare = 0; spare < 300; spare += 20) {
            const body = textOf(RECEIVE_BYTES - spare);
            const first = await stage.asks({ path: "/1" });
            stage.client.ask({ path: "/2" });
            stage.client.stopReading();
            await stage.after(() => first.head(200, body.length).brings([body]).completes());
            await stage.after(() => stage.client.halfClose());
            await stage.passes(1000);
            await stage.after(() => stage.client.readOn());
            const second = stage.upstream;
            assert.equal(second.asked, "GET /2");
            await stage.after(() => second.head(200, 2).brings(["ok"]).completes());
            stage.has({ status: 200, body: "ok", end: "whole" });
          }
          await stage.over("completed");
        });
      }

      that("goes on with its connection after a response, an answer and a refused body", async (stage) => {
        const first = await stage.asks();
        await stage.after(() => first.head(200, -1).brings(["body"]).completes());
        const second = await stage.asks();
        await stage.after(() => second.fails("connection_refused"));
        const third = await stage.asks({ method: "POST", length: 10, body: "012" });
        await stage.after(() => third.fails("connection_refused"));
        stage.client.send("3456789");
        await stage.over("connection_refused");
        assert.equal(stage.client.connections, 1);
      });
    }

    that("keeps a connection that is its client's own for its next request, and ends it with itself", async (stage) => {
      const upstream = await stage.asks();
      await stage.after(() => {
        upstream.head(200, 2).brings(["ok"]);
        upstream.isBound();
        upstream.completes();
      });
      assert.equal(upstream.isClosed, !can.persists);
      if (!can.persists) return stage.over("completed");
      stage.client.ask({ path: "/again" });
      await stage.settle();
      assert.deepEqual([stage.upstreams.length, upstream.asked], [1, "GET /again"]);
      await stage.after(() => {
        upstream.head(200, 2).brings(["ok"]);
        upstream.isBound();
        upstream.completes();
      });
      assert.equal(upstream.isClosed, false);
      stage.client.leave();
      await stage.settle();
      assert.equal(upstream.isClosed, true);
    });

    // ---- a tunnel ---------------------------------------------------------------------------------------------------

    if (can.switches) {
      const tunnel = async (stage: ClientStage): Promise<ScriptedUpstream> => {
        const upstream = await stage.asks({ switches: true });
        await stage.after(() => assert.equal(upstream.switches(), true));
        stage.has({ status: 101, end: "open" });
        return upstream;
      };

      that("passes bytes both ways after a switch of protocols, with back-pressure", async (stage) => {
        const upstream = await tunnel(stage);
        const duplex = upstream.duplex ?? assert.fail("there is no tunnel");
        await stage.after(() => stage.client.sendInTunnel("from the client"));
        assert.equal(duplex.got, "from the client");
        await stage.after(() => upstream.bringsInTunnel("from the endpoint"));
        assert.equal(stage.client.tunnelled, "from the endpoint");
        duplex.isFull = true;
        await stage.after(() => stage.client.sendInTunnel("1"));
        await stage.after(() => stage.client.sendInTunnel("2"));
        assert.equal(duplex.got, "from the client1");
        await stage.after(() => duplex.takesAll());
        assert.equal(duplex.got, "from the client12");
        stage.client.stopReading();
        const much = textOf(MUCH);
        await stage.after(() => upstream.bringsInTunnel(much));
        assert.equal(duplex.isPaused, true);
        await stage.after(() => stage.client.readOn());
        assert.equal(duplex.isPaused, false);
        assert.equal(stage.client.tunnelled === `from the endpoint${much}`, true);
        await stage.after(() => stage.client.halfClose());
        assert.deepEqual([duplex.isEnded, duplex.isGone, stage.exchange.exchange.finished], [true, false, false]);
        await stage.after(() => upstream.events.ended(duplex));
        assert.deepEqual([stage.exchange.exchange.finished, stage.client.isOver, duplex.isGone], [true, true, true]);
        await stage.over("tunnel");
      });

      that("passes on the endpoint's end in a tunnel, and a reset of the client", async (stage) => {
        const upstream = await tunnel(stage);
        const duplex = upstream.duplex ?? assert.fail("there is no tunnel");
        await stage.after(() => upstream.events.ended(duplex));
        assert.deepEqual([stage.client.isOver, stage.exchange.exchange.finished], [true, false]);
        await stage.after(() => stage.client.reset());
        assert.equal(stage.exchange.exchange.finished, true);
        assert.equal(duplex.isGone, true);
        await stage.over("tunnel");
      });

      that("passes on what its client sent before the switch", async (stage) => {
        const upstream = await stage.asks({ switches: true });
        await stage.after(() => stage.client.sendInTunnel("early"));
        await stage.after(() => upstream.switches());
        assert.equal(upstream.duplex?.got, "early");
        await stage.passes(2000);
        await stage.after(() => stage.client.reset());
        assert.equal(upstream.duplex?.wasReset, true);
        await stage.over("tunnel");
      });
    }
  });
}
