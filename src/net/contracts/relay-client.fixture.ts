/** The client kind of `relaySource`: requests whose responses pass on to another exchange. */
import assert from "node:assert/strict";
import { buildRequestHead } from "../../http/build-head.ts";
import { relaySource } from "../../proxy/exchange/relay.ts";
import type { SourceInput, SourceResponse } from "../../proxy/feature/response-source.ts";
import { NO_INPUT } from "../../proxy/feature/response-source.ts";
import type { Asked, ClientKind, Got, TestClient } from "./test-client.fixture.ts";
import { bytesOf } from "./world.fixture.ts";
import type { World } from "./world.fixture.ts";

export const RELAY: ClientKind = {
  name: "a response that answers another request",
  can: {
    sendsPieces: false,
    sendsUnknownLength: false,
    sendsTrailers: false,
    stopsReading: true,
    resets: false,
    halfCloses: false,
    persists: false,
    switches: false,
    seesInterims: false,
    seesTrailers: false,
    seesParts: true,
    seesAnswers: true,
    blocksLater: false,
    countsBytes: false,
  },
  make: (world) => new RelayClient(world),
};

/** A response as far as it has come. */
interface Coming extends Got {
  status: number;
  body: string;
  end: Got["end"];
}

/** Stands for the exchange whose request is answered. */
class RelayClient implements TestClient {
  readonly responses: Coming[] = [];
  readonly tunnelled: string = "";
  isOver: boolean = false;
  connections: number = 0;
  private readonly world: World;
  private input: SourceInput = NO_INPUT;
  private isReading: boolean = true;

  constructor(world: World) {
    this.world = world;
  }

  ask({ method = "GET", path = "/", fields = [], body = "" }: Asked): void {
    this.connections++;
    this.isOver = false;
    const head = buildRequestHead({ method, target: path, authority: "a.test" }, fields);
    const bytes = bytesOf(body);
    const request = body === "" ? { head } : { head, body: bytes };
    const source = relaySource(this.world.thread, this.world.set, request, {});
    this.input = source.start({ request: head, requestLength: 0 }, this.response());
    for (const callback of ["data", "end", "flush"] as const)
      assert.equal(this.input[callback], undefined, "it would read the other request");
  }

  private response(): SourceResponse {
    const coming: Coming = { interims: [], status: 0, body: "", trailers: null, end: "open" };
    const ends = (end: Got["end"]): void => {
      if (this.isOver) this.world.breaches.push("a response ends twice, or after its client has left");
      this.isOver = true;
      coming.end = end;
    };
    return {
      respond: ({ status }) => {
        if (coming.status !== 0) this.world.breaches.push("a second head");
        coming.status = status;
        this.responses.push(coming);
      },
      answer: ({ status }) => {
        const isBegun = coming.status !== 0;
        if (!isBegun) this.responses.push(coming);
        if (!isBegun) coming.status = status;
        ends(isBegun ? "cut" : "whole");
      },
      write: (bytes) => {
        if (coming.status === 0 || this.isOver) this.world.breaches.push("a body without a head, or after its end");
        coming.body += bytes.toString("latin1");
      },
      flush: () => this.isReading,
      end: () => ends("whole"),
      fail: () => ends("cut"),
      resume: () => {},
    };
  }

  stopReading(): void {
    this.isReading = false;
  }

  readOn(): void {
    this.isReading = true;
    if (!this.isOver) this.input.writable?.();
  }

  leave(): void {
    this.isOver = true;
    this.input.abort?.();
  }

  finish(): void {}

  // Abilities that such a request does not have.

  send(): never {
    return assert.fail("its body is there as a whole");
  }

  garble(): never {
    return assert.fail("its body has no frame");
  }

  reset(): never {
    return assert.fail("it has no connection");
  }

  halfClose(): never {
    return assert.fail("it has no connection");
  }

  sendInTunnel(): never {
    return assert.fail("it switches no protocols");
  }
}
