/**
 * The contract of `UpstreamStream` (proxy/ports/) and `Connector`: tests that every driver of the endpoint's side must pass, whatever protocol its
 * endpoints speak. The test plays the endpoint and, by `Attempt`, the exchange, which uses every right that the ports give and notes calls that
 * they do not allow.
 *
 * A new driver needs an `EndpointKind`, which says what its endpoints can do and how. Longer than other files, because the contract is read as one list.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { Attempt } from "./attempt.fixture.ts";
import type { Asking } from "./attempt.fixture.ts";
import type { EndpointAbilities, EndpointKind, GotRequest, TestEndpoint } from "./test-endpoint.fixture.ts";
import { RECEIVE_BYTES, World, textOf, trailersOf } from "./world.fixture.ts";

/** A body that is larger than what the system takes for an endpoint that does not read. */
const MUCH: number = 4 * RECEIVE_BYTES;
/** Longer than any time limit of the configuration for endpoints. */
const LONG_MS = 130_000;

class EndpointStage extends World {
  readonly far: TestEndpoint;
  private readonly can: EndpointAbilities;

  constructor(t: TestContext, kind: EndpointKind) {
    super(t);
    this.can = kind.can;
    this.far = kind.make(this);
  }

  /** Opens a connection, which is not established yet. */
  dials(): Attempt {
    const attempt = new Attempt(this.breaches, this.can);
    attempt.dials((sink) => this.far.dial(sink));
    assert.deepEqual(attempt.told, []);
    return attempt;
  }

  /** Opens a connection and waits until it is established. */
  async connects(): Promise<Attempt> {
    const attempt = this.dials();
    await this.settle();
    assert.deepEqual(attempt.told.splice(0), ["ready"]);
    return attempt;
  }

  async asks(asking: Asking = {}): Promise<Attempt> {
    const attempt = await this.connects();
    attempt.sends(asking);
    await this.settle();
    return attempt;
  }

  /** Takes the idle connection for another exchange. */
  takes(): Attempt {
    const attempt = new Attempt(this.breaches, this.can);
    assert.equal(
      attempt.takes((sink) => this.far.take(sink)),
      true,
      "a connection idles",
    );
    return attempt;
  }

  get hasIdle(): boolean {
    const upstream = this.far.take(new Attempt(this.breaches, this.can));
    upstream?.abort();
    return upstream !== null;
  }

  async after(act: () => unknown): Promise<void> {
    act();
    await this.settle();
  }

  get request(): GotRequest {
    return this.far.requests.at(-1) ?? assert.fail("there is no request");
  }

  has(expected: Partial<GotRequest>): void {
    assert.deepEqual({ ...this.request, ...expected }, this.request);
  }

  /** Checks that the driver has told the attempt exactly this, and tells nothing more however long it takes. */
  async over(attempt: Attempt, told: readonly string[]): Promise<void> {
    await this.settle();
    await this.passes(LONG_MS);
    assert.deepEqual(attempt.told, told);
    attempt.checkKept();
    assert.deepEqual(this.breaches, []);
  }
}

export function upstreamStreamContract(kind: EndpointKind): void {
  const { can } = kind;
  /** What an attempt notes of a failure with these details. */
  const failed = (facts: string): string => (can.tellsFailures ? `failed ${facts}` : "failed");

  describe(kind.name, () => {
    const that = (name: string, run: (stage: EndpointStage, endpoint: TestEndpoint) => Promise<void>): void => {
      test(name, (t) => {
        const stage = new EndpointStage(t, kind);
        return run(stage, stage.far);
      });
    };

    // ---- the request ------------------------------------------------------------------------------------------------

    that("carries a request without a body, and its response", async (stage, endpoint) => {
      const attempt = await stage.asks({ path: "/one" });
      stage.has({ method: "GET", path: "/one", body: "", isWhole: true, trailers: null });
      await stage.after(() => endpoint.head(200, 6));
      await stage.after(() => endpoint.body("oneone"));
      await stage.after(() => endpoint.end());
      assert.equal(attempt.received, "oneone");
      await stage.over(attempt, ["head 200 6", "end"]);
    });

    for (const length of [MUCH, -1]) {
      const name = length < 0 ? "of unknown length" : "of known length";
      const body = textOf(MUCH);
      const thirds = [body.slice(0, 3), body.slice(3, 40_000), body.slice(40_000)];

      that(`sends a body ${name} and uses no byte of it after its time`, async (stage, endpoint) => {
        const parts = ["1", textOf(100), textOf(5000), "2", textOf(20_000)];
        const few = parts.slice(0, 4);
        const whole = [parts, few, parts, thirds].flat().join("");
        const attempt = await stage.asks({ method: "POST", length: length < 0 ? -1 : whole.length });
        await stage.after(() => attempt.brings(parts));
        await stage.after(() => attempt.bringsShared(few));
        await stage.after(() => attempt.brings(parts, { room: 600, between: 5 }));
        await stage.after(() => attempt.brings(thirds, { room: 3, between: 1 }));
        await stage.after(() => attempt.ends());
        assert.equal(stage.request.body === whole, true);
        stage.has({ isWhole: true });
        await stage.after(() => endpoint.head(204, 0));
        await stage.after(() => endpoint.end());
        await stage.over(attempt, ["head 204 0", "end"]);
      });

      that(`sends the head of a request and bytes ${name} that come with it`, async (stage, endpoint) => {
        const attempt = await stage.connects();
        await stage.after(() => attempt.sends({ method: "POST", length }).brings(thirds, { room: 2000 }).ends());
        assert.equal(stage.request.body === body, true);
        stage.has({ method: "POST", isWhole: true });
        await stage.after(() => endpoint.head(204, 0));
        await stage.after(() => endpoint.end());
        await stage.over(attempt, ["head 204 0", "end"]);
      });

      that(`tells that a body ${name} waits for its endpoint, and once that it has gone on`, async (stage, endpoint) => {
        const attempt = await stage.asks({ method: "POST", length });
        await stage.after(() => endpoint.stopReading());
        await stage.after(() => attempt.brings(can.connects ? thirds : thirds.slice(0, 1), { room: 1, between: 9 }));
        assert.deepEqual([attempt.waits, attempt.unblocked], [true, 0]);
        await stage.passes(1000);
        assert.deepEqual([attempt.waits, attempt.unblocked], [true, 0]);
        await stage.after(() => endpoint.readOn());
        assert.deepEqual([attempt.waits, attempt.unblocked], [false, 1]);
        if (!can.connects) await stage.after(() => attempt.brings(thirds.slice(1)));
        await stage.after(() => attempt.ends());
        assert.equal(stage.request.body === body, true);
        stage.has({ isWhole: true });
        await stage.after(() => endpoint.head(204, 0));
        await stage.after(() => endpoint.end());
        await stage.over(attempt, ["head 204 0", "end"]);
      });

      if (can.connects) {
        that(`tells that a body ${name} waits after it had seemed to be taken`, async (stage, endpoint) => {
          const attempt = await stage.asks({ method: "POST", length });
          await stage.after(() => endpoint.stopReading());
          let at = 0;
          for (; !attempt.waits; at += 1000) {
            assert.ok(at < MUCH, "an endpoint that reads nothing takes no end of it");
            await stage.after(() => {
              stage.writesMuch();
              attempt.bringsShared([body.slice(at, at + 1000)]);
              assert.equal(attempt.waits, false, "little text counts as written");
            });
          }
          assert.deepEqual([attempt.blocked, attempt.unblocked], [1, 0]);
          await stage.after(() => endpoint.readOn());
          assert.deepEqual([attempt.waits, attempt.unblocked], [false, 1]);
          await stage.after(() => attempt.brings([body.slice(at)]).ends());
          assert.equal(stage.request.body === body, true);
          stage.has({ isWhole: true });
          await stage.after(() => endpoint.head(204, 0));
          await stage.after(() => endpoint.end());
          await stage.over(attempt, ["head 204 0", "end"]);
        });
      }
    }

    that("does not report waiting for an endpoint that reads late, if nothing had to wait", async (stage, endpoint) => {
      const attempt = await stage.asks({ method: "POST", length: 4 });
      await stage.after(() => attempt.brings(["01"]));
      await stage.after(() => endpoint.readOn());
      await stage.after(() => attempt.brings(["23"]).ends());
      stage.has({ body: "0123", isWhole: true });
      await stage.after(() => endpoint.head(204, 0));
      await stage.after(() => endpoint.end());
      assert.deepEqual([attempt.blocked, attempt.unblocked], [0, 0]);
      await stage.over(attempt, ["head 204 0", "end"]);
    });

    if (can.seesTrailers) {
      that("sends the trailers of a request", async (stage, endpoint) => {
        const attempt = await stage.asks({ method: "POST", length: -1 });
        await stage.after(() => attempt.brings(["0123"]).ends(trailersOf([["X-Sum", "6"]])));
        stage.has({ body: "0123", isWhole: true, trailers: "X-Sum: 6\r\n" });
        await stage.after(() => endpoint.head(204, 0));
        await stage.after(() => endpoint.end());
        await stage.over(attempt, ["head 204 0", "end"]);
      });
    }

    // ---- the response -----------------------------------------------------------------------------------------------

    for (const length of [MUCH, -1]) {
      const name = length < 0 ? "of unknown length" : "of known length";
      const body = textOf(MUCH);

      that(`brings a body ${name}, whatever its receiver writes over`, async (stage, endpoint) => {
        const attempt = await stage.asks();
        await stage.after(() => {
          endpoint.head(200, length);
          for (let at = 0; at < MUCH; at += 3000) endpoint.body(body.slice(at, at + 3000));
          endpoint.end();
        });
        assert.equal(attempt.received === body, true);
        await stage.over(attempt, [`head 200 ${length}`, "end"]);
      });

      that(`brings nothing of a body ${name} while paused, and then what was held`, async (stage, endpoint) => {
        const attempt = await stage.asks();
        await stage.after(() => endpoint.head(200, length));
        await stage.after(() => endpoint.body(body.slice(0, 10)));
        await stage.after(() => attempt.pauses());
        await stage.after(() => endpoint.body(body.slice(10, 5000)));
        await stage.after(() => endpoint.body(body.slice(5000)));
        await stage.after(() => endpoint.end());
        const held = can.learnsLateOfPauses ? 5000 : 10;
        assert.deepEqual([attempt.received, attempt.told], [body.slice(0, held), [`head 200 ${length}`]]);
        await stage.after(() => attempt.resumes());
        assert.equal(attempt.received === body, true);
        await stage.over(attempt, [`head 200 ${length}`, "end"]);
      });

      that(`waits for as long as a body ${name} is paused`, async (stage, endpoint) => {
        const attempt = await stage.asks();
        await stage.after(() => endpoint.head(200, length));
        await stage.after(() => attempt.pauses());
        await stage.passes(LONG_MS);
        await stage.after(() => attempt.resumes());
        await stage.after(() => endpoint.body(body));
        await stage.after(() => endpoint.end());
        assert.equal(attempt.received === body, true);
        await stage.over(attempt, [`head 200 ${length}`, "end"]);
      });

      that(`leaves the bytes of a body ${name} that it lends alone until they are taken`, async (stage, endpoint) => {
        const attempt = await stage.asks();
        attempt.keepsResponse = true;
        attempt.onFlush = () => {
          if (!attempt.isPaused) attempt.pauses();
        };
        await stage.after(() => endpoint.head(200, length));
        await stage.after(() => {
          for (let at = 0; at < MUCH; at += 5000) endpoint.body(body.slice(at, at + 5000));
          endpoint.end();
        });
        let rounds = 0;
        for (; attempt.told.length === 1; rounds++) {
          assert.ok(rounds < 100, "it goes on");
          await stage.passes(50);
          attempt.resumes();
          await stage.settle();
        }
        assert.ok(rounds > 1, "it was paused in between");
        assert.equal(attempt.received === body, true);
        await stage.over(attempt, [`head 200 ${length}`, "end"]);
      });

      that(`fails when a body ${name} is not completed`, async (stage, endpoint) => {
        const ways = length < 0 && !can.sendsTrailers ? (["resets"] as const) : (["closes", "resets"] as const);
        for (const way of ways) {
          const attempt = await stage.asks();
          await stage.after(() => endpoint.head(200, length));
          await stage.after(() => endpoint.body("012"));
          await stage.after(() => endpoint[way]());
          assert.equal(attempt.received, "012");
          await stage.over(attempt, [`head 200 ${length}`, failed("connection_terminated sent answered")]);
        }
      });
    }

    if (can.persists) {
      that("leaves the last bytes of a response alone that are still being written", async (stage, endpoint) => {
        const body = textOf(MUCH);
        let attempt = await stage.asks();
        const written: Attempt[] = [];
        for (let count = 0; count < 6; count++) {
          attempt.keepsResponse = true;
          attempt.isWritten = false;
          // Only the bytes of the last read are still being written: earlier ones were written before the pause.
          attempt.onFlush = () => attempt.checkKept();
          await stage.after(() => {
            endpoint.head(200, MUCH);
            endpoint.body(body.slice(count) + body.slice(0, count));
          });
          assert.deepEqual(attempt.told.splice(0), [`head 200 ${MUCH}`, "end"]);
          written.push(attempt);
          attempt = stage.takes();
          await stage.after(() => attempt.sends());
        }
        for (const before of written) before.checkKept();
        await stage.after(() => endpoint.head(204, 0));
        await stage.over(attempt, ["head 204 0", "end"]);
      });
    }

    if (can.persists) {
      that("leaves the bytes that it lends alone while other responses come", async (stage, endpoint) => {
        const [one, other] = [textOf(MUCH), "-".repeat(MUCH)];
        const answers = (connection: number, body: string): Promise<void> =>
          stage.after(() => {
            endpoint.turnTo(connection);
            endpoint.head(200, MUCH);
            endpoint.body(body);
          });
        // Both connections have brought large bodies before, so that they may share the bulk buffer.
        const [first, second] = [await stage.connects(), await stage.connects()];
        first.sends();
        second.sends();
        await answers(0, one);
        await answers(1, one);
        const slow = stage.takes();
        const quick = stage.takes();
        slow.keepsResponse = true;
        slow.onFlush = () => {
          if (!slow.isPaused) slow.pauses();
        };
        slow.isWritten = false;
        slow.sends();
        quick.sends();
        await answers(1, one);
        assert.equal(slow.isPaused, true);
        await answers(0, other);
        for (let rounds = 0; slow.told.length === 1 && rounds < 100; rounds++) await stage.after(() => slow.resumes());
        assert.deepEqual([slow.told, slow.received === one], [[`head 200 ${MUCH}`, "end"], true]);
        const third = stage.takes();
        third.sends();
        await answers(1, other);
        assert.deepEqual([quick.received === other, third.received === other], [true, true]);
        await stage.over(slow, [`head 200 ${MUCH}`, "end"]);
      });
    }

    that("brings no body where there is none", async (stage, endpoint) => {
      const attempt = await stage.asks({ method: "HEAD" });
      await stage.after(() => endpoint.head(200, 0, [["Content-Length", "1000"]]));
      await stage.after(() => endpoint.end());
      await stage.over(attempt, ["head 200 0", "end"]);
    });

    if (can.sendsTrailers) {
      that("brings the trailers of a response", async (stage, endpoint) => {
        const attempt = await stage.asks();
        await stage.after(() => {
          endpoint.head(200, -1);
          endpoint.body("body");
          endpoint.end([["X-Sum", "4"]]);
        });
        assert.equal(attempt.received, "body");
        await stage.over(attempt, ["head 200 -1", "end with X-Sum: 4"]);
      });
    }

    if (can.sendsInterims) {
      that("brings interim responses before the head", async (stage, endpoint) => {
        const attempt = await stage.asks();
        await stage.after(() => endpoint.interim(103));
        await stage.after(() => endpoint.interim(102));
        await stage.after(() => endpoint.head(204, 0));
        await stage.over(attempt, ["interim 103", "interim 102", "head 204 0", "end"]);
      });

      that("fails when an interim response is refused", async (stage, endpoint) => {
        const attempt = await stage.asks();
        attempt.takesInterims = false;
        await stage.after(() => {
          endpoint.interim(103);
          endpoint.head(204, 0);
        });
        assert.equal(endpoint.isLeft, true);
        await stage.over(attempt, ["interim 103", failed("malformed_response sent answered")]);
      });
    }

    // ---- failures ---------------------------------------------------------------------------------------------------

    if (can.connects) {
      that("fails when no connection is established, and never from within dial", async (stage, endpoint) => {
        for (const [how, kind] of [
          ["refuses", "connection_refused"],
          ["silent", "connection_timeout"],
        ] as const) {
          endpoint.isAbsent(how);
          await stage.over(stage.dials(), [failed(kind)]);
        }
      });

      that("says that nothing was sent when nothing was", async (stage, endpoint) => {
        const attempt = await stage.connects();
        endpoint.closes();
        await stage.over(attempt, [failed("connection_terminated")]);
      });
    }

    that("fails when its endpoint goes without a response", async (stage, endpoint) => {
      for (const way of ["closes", "resets"] as const) {
        const attempt = await stage.asks();
        await stage.after(() => endpoint[way]());
        await stage.over(attempt, [failed("connection_terminated sent")]);
      }
    });

    that("fails when there is no response in time", async (stage) => {
      await stage.over(await stage.asks(), [failed("response_timeout sent")]);
    });

    that("fails when a response does not go on in time", async (stage, endpoint) => {
      const attempt = await stage.asks();
      await stage.after(() => endpoint.head(200, 10));
      await stage.after(() => endpoint.body("012"));
      await stage.over(attempt, ["head 200 10", failed("response_timeout sent answered")]);
    });

    that("fails when a response does not go on in time after a pause", async (stage, endpoint) => {
      const attempt = await stage.asks();
      await stage.after(() => endpoint.head(200, 10));
      await stage.after(() => attempt.pauses());
      await stage.passes(1000);
      await stage.after(() => attempt.resumes());
      await stage.over(attempt, ["head 200 10", failed("response_timeout sent answered")]);
    });

    that("fails when nothing of the request is taken in time", async (stage, endpoint) => {
      const attempt = await stage.asks({ method: "POST", length: MUCH });
      endpoint.stopReading();
      await stage.after(() => attempt.brings([textOf(MUCH)]));
      assert.equal(attempt.waits, true);
      await stage.over(attempt, [failed("write_timeout sent")]);
      assert.equal(attempt.unblocked, 0);
    });

    that("fails when its endpoint goes in the middle of the request", async (stage, endpoint) => {
      for (const way of ["closes", "resets"] as const) {
        const attempt = await stage.asks({ method: "POST", length: MUCH });
        endpoint.stopReading();
        await stage.after(() => attempt.brings([textOf(MUCH)]));
        endpoint[way]();
        await stage.over(attempt, [failed("connection_terminated sent")]);
        endpoint.readOn();
      }
    });

    if (can.connects) {
      that("brings a response that its endpoint sent before it stopped taking the request", async (stage, endpoint) => {
        const attempt = await stage.asks({ method: "POST", length: -1 });
        attempt.pauses();
        await stage.after(() => {
          endpoint.head(200, 3);
          endpoint.body("few");
          endpoint.closes();
        });
        for (let count = 0; count < 3; count++) await stage.after(() => attempt.brings([textOf(10_000)]));
        assert.deepEqual([attempt.waits, attempt.told], [false, []]);
        await stage.after(() => attempt.resumes());
        assert.equal(attempt.received, "few");
        await stage.over(attempt, ["head 200 3", "end"]);
      });

      that("says that nothing waits any more when a write to its endpoint has failed", async (stage, endpoint) => {
        const attempt = await stage.asks({ method: "POST", length: MUCH });
        endpoint.stopReading();
        attempt.pauses();
        await stage.after(() => attempt.brings([textOf(MUCH)]));
        assert.deepEqual([attempt.waits, attempt.unblocked], [true, 0]);
        await stage.after(() => endpoint.resets());
        assert.deepEqual([attempt.waits, attempt.unblocked], [false, 1]);
        await stage.after(() => attempt.resumes());
        await stage.over(attempt, [failed("connection_terminated sent")]);
      });
    }

    that("fails when what comes is no response", async (stage, endpoint) => {
      const attempt = await stage.asks();
      await stage.after(() => endpoint.garble());
      assert.equal(endpoint.isLeft, true);
      await stage.over(attempt, [failed("malformed_response sent answered")]);
    });

    // ---- the end of the exchange ------------------------------------------------------------------------------------

    that("says nothing more after it was aborted, and leaves its endpoint", async (stage, endpoint) => {
      const stages: readonly [string, (attempt: Attempt) => Promise<void>][] = [
        ["connecting", async () => {}],
        ["connected", () => stage.settle()],
        [
          "asked",
          async (attempt) => {
            await stage.settle();
            attempt.sends({ method: "POST", length: -1 }).brings(["0123"]);
            await stage.settle();
          },
        ],
        [
          "responding",
          async (attempt) => {
            await stage.settle();
            await stage.after(() => attempt.sends());
            await stage.after(() => endpoint.head(200, 10));
            await stage.after(() => endpoint.body("012"));
          },
        ],
        [
          "paused",
          async (attempt) => {
            await stage.settle();
            await stage.after(() => attempt.sends());
            await stage.after(() => endpoint.head(200, -1));
            attempt.pauses();
            await stage.after(() => endpoint.body("0123"));
          },
        ],
      ];
      for (const [name, proceed] of can.connects ? stages : stages.slice(1)) {
        const attempt = stage.dials();
        await proceed(attempt);
        const told = [...attempt.told];
        attempt.aborts();
        await stage.settle();
        if (name !== "connecting") assert.equal(endpoint.isLeft || endpoint.requests.length === 0, true, name);
        await stage.over(attempt, told);
      }
    });

    that("says nothing more after it was aborted from within what it says", async (stage, endpoint) => {
      for (const moment of ["onHead", "onFlush"] as const) {
        const attempt = await stage.asks();
        attempt[moment] = () => attempt.aborts();
        await stage.after(() => {
          endpoint.head(200, 10);
          endpoint.body("0123");
        });
        assert.equal(endpoint.isLeft, true);
        await stage.over(attempt, ["head 200 10"]);
      }
    });

    if (can.persists) {
      that("carries a further exchange, which can be begun when the response ends", async (stage, endpoint) => {
        const first = await stage.asks({ path: "/1" });
        let second: Attempt | null = null;
        first.onEnd = () => {
          second = stage.takes();
          second.sends({ path: "/2" });
        };
        await stage.after(() => endpoint.head(200, 3));
        await stage.after(() => endpoint.body("one"));
        assert.deepEqual(first.told, ["head 200 3", "end"]);
        stage.has({ path: "/2", isWhole: true });
        assert.equal(endpoint.connections, 1);
        const next: Attempt = second ?? assert.fail("it was not begun");
        await stage.after(() => endpoint.head(200, -1));
        await stage.after(() => endpoint.body("two"));
        await stage.after(() => endpoint.end());
        assert.equal(next.received, "two");
        await stage.over(next, ["head 200 -1", "end"]);
        assert.deepEqual(first.told, ["head 200 3", "end"]);
      });

      that("carries no further exchange if it is uncertain where the next response would begin", async (stage, endpoint) => {
        // The request is not complete.
        const early = await stage.asks({ method: "POST", length: 10 });
        await stage.after(() => early.brings(["012"]));
        await stage.after(() => endpoint.head(204, 0));
        assert.deepEqual(early.told, ["head 204 0", "end"]);
        assert.deepEqual([stage.hasIdle, endpoint.isLeft], [false, true]);
        // The response said that the connection ends.
        const last = await stage.asks();
        await stage.after(() => endpoint.head(204, 0, [["Connection", "close"]]));
        assert.deepEqual(last.told, ["head 204 0", "end"]);
        assert.deepEqual([stage.hasIdle, endpoint.isLeft], [false, true]);
        // The endpoint has closed the connection.
        await stage.asks();
        await stage.after(() => endpoint.head(204, 0));
        await stage.after(() => endpoint.closes());
        assert.equal(stage.hasIdle, false);
        // A response comes without a request.
        await stage.asks();
        await stage.after(() => endpoint.head(204, 0));
        await stage.after(() => endpoint.head(204, 0));
        assert.deepEqual([stage.hasIdle, endpoint.isLeft], [false, true]);
      });

      that("says in a failure that the connection was reused, and what had come of it", async (stage, endpoint) => {
        for (const [progress, facts] of [
          ["asked", "connection_terminated reused sent"],
          ["answered", "connection_terminated reused sent answered"],
        ] as const) {
          await stage.asks();
          await stage.after(() => endpoint.head(200, 2));
          await stage.after(() => endpoint.body("ok"));
          const attempt = stage.takes();
          await stage.after(() => attempt.sends());
          if (progress === "answered") await stage.after(() => endpoint.head(200, 10));
          await stage.after(() => endpoint.closes());
          await stage.over(attempt, [...(progress === "answered" ? ["head 200 10"] : []), failed(facts)]);
        }
      });

      that("says that it sent nothing when the request still waited for the end of its turn", async (stage, endpoint) => {
        await stage.asks();
        await stage.after(() => endpoint.head(204, 0));
        const attempt = stage.takes();
        stage.network.post(() => {
          stage.writesMuch();
          attempt.sends();
        });
        // Within the same turn.
        endpoint.closes();
        await stage.over(attempt, [failed("connection_terminated reused")]);
      });

      that("hands over a connection on which a user is authenticated, before the end", async (stage, endpoint) => {
        const attempt = await stage.asks({ fields: [["Authorization", "NTLM AAAA"]] });
        await stage.after(() => endpoint.head(204, 0));
        assert.deepEqual(attempt.told, ["head 204 0", "own", "end"]);
        assert.equal(stage.hasIdle, false);
        const owned = attempt.owned ?? assert.fail("it is not owned");
        assert.equal(owned.usable, true);
        const next = new Attempt(stage.breaches, can);
        next.takes((sink) => {
          owned.take(sink);
          return owned;
        });
        await stage.after(() => next.sends({ path: "/again" }));
        stage.has({ path: "/again", isWhole: true });
        await stage.after(() => endpoint.head(204, 0));
        assert.deepEqual(next.told, ["head 204 0", "own", "end"]);
        await stage.after(() => owned.close());
        assert.deepEqual([endpoint.isLeft, owned.usable, endpoint.connections], [true, false, 1]);
        await stage.over(next, ["head 204 0", "own", "end"]);
      });
    }

    // ---- a tunnel ---------------------------------------------------------------------------------------------------

    if (can.switches) {
      that("passes bytes both ways after a switch of protocols, and its ends", async (stage, endpoint) => {
        const attempt = await stage.asks({ switches: true });
        await stage.after(() => {
          endpoint.switches();
          endpoint.sendInTunnel("early");
        });
        const { tunnel, inTunnel } = attempt;
        assert.deepEqual([attempt.told, inTunnel.text], [["interim 101"], "early"]);
        await stage.after(() => attempt.tunnelSends("from the client"));
        await stage.after(() => endpoint.sendInTunnel(", from the endpoint"));
        assert.deepEqual([endpoint.tunnelled, inTunnel.text], ["from the client", "early, from the endpoint"]);
        tunnel.pause();
        await stage.after(() => endpoint.sendInTunnel("!"));
        assert.equal(inTunnel.text.endsWith("!"), false);
        await stage.after(() => tunnel.resume());
        assert.equal(inTunnel.text.endsWith("!"), true);
        endpoint.stopReading();
        await stage.after(() => assert.equal(attempt.tunnelSends(textOf(MUCH)), false));
        assert.deepEqual([tunnel.isBlocked, inTunnel.told], [true, []]);
        await stage.after(() => endpoint.readOn());
        assert.deepEqual([tunnel.isBlocked, inTunnel.told], [false, ["unblocked"]]);
        assert.equal(endpoint.tunnelled === `from the client${textOf(MUCH)}`, true);
        await stage.after(() => tunnel.end());
        assert.equal(endpoint.tunnelEnded, true);
        await stage.after(() => endpoint.sendInTunnel("last"));
        assert.equal(inTunnel.text.endsWith("last"), true);
        await stage.after(() => endpoint.closes());
        assert.deepEqual(inTunnel.told, ["unblocked", "ended"]);
        await stage.after(() => tunnel.close());
        assert.deepEqual([inTunnel.told, tunnel.isGone], [["unblocked", "ended", "closed"], true]);
        await stage.over(attempt, ["interim 101"]);
      });

      that("passes on a reset in a tunnel", async (stage, endpoint) => {
        const attempt = await stage.asks({ switches: true });
        await stage.after(() => endpoint.switches());
        await stage.after(() => endpoint.resets());
        assert.deepEqual([attempt.inTunnel.told, attempt.tunnel.isGone], [["closed"], true]);
        await stage.over(attempt, ["interim 101"]);
      });

      that("fails when the switch of protocols is refused", async (stage, endpoint) => {
        const refused = await stage.asks({ switches: true });
        refused.takesInterims = false;
        await stage.after(() => endpoint.switches());
        await stage.over(refused, ["interim 101", failed("malformed_response sent answered")]);
      });
    }
  });
}
