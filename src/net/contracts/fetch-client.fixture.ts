/** The client kind of `fetchFrom`: requests that the proxy itself makes for a feature. */
import assert from "node:assert/strict";
import { buildRequestHead } from "../../http/build-head.ts";
import type { FetchResult } from "../../proxy/feature/fetch.ts";
import { fetchFrom } from "../../proxy/exchange/fetch.ts";
import type { Asked, ClientKind, Got, TestClient } from "./test-client.fixture.ts";
import { bytesOf } from "./world.fixture.ts";
import type { World } from "./world.fixture.ts";

export const FETCH: ClientKind = {
  name: "a request of the proxy's own",
  can: {
    sendsPieces: false,
    sendsUnknownLength: false,
    sendsTrailers: false,
    stopsReading: false,
    resets: false,
    halfCloses: false,
    persists: false,
    switches: false,
    seesInterims: false,
    seesTrailers: false,
    seesParts: false,
    seesAnswers: false,
    blocksLater: false,
    countsBytes: false,
  },
  make: (world) => new FetchClient(world),
};

class FetchClient implements TestClient {
  readonly responses: Got[] = [];
  readonly tunnelled: string = "";
  isOver: boolean = false;
  connections: number = 0;
  private readonly world: World;
  private controller: AbortController = new AbortController();

  constructor(world: World) {
    this.world = world;
  }

  ask({ method = "GET", path = "/", fields = [], body = "" }: Asked): void {
    this.connections++;
    this.isOver = false;
    this.controller = new AbortController();
    const head = buildRequestHead({ method, target: path, authority: "a.test" }, fields);
    const bytes = bytesOf(body);
    const request = body === "" ? { head } : { head, body: bytes };
    const options = { signal: this.controller.signal, timeoutMs: 600_000 };
    void fetchFrom(this.world.thread, this.world.set, request, options).then((result) => {
      if (bytes.toString("latin1") !== body) this.world.breaches.push("the caller's bytes were changed");
      this.settles(result);
    });
  }

  private settles(result: FetchResult): void {
    this.isOver = true;
    if (result.head === null) this.responses.push({ interims: [], status: 0, body: "", trailers: null, end: "cut" });
    else {
      const body = result.body.toString("latin1");
      this.responses.push({ interims: [], status: result.head.status, body, trailers: null, end: "whole" });
    }
  }

  leave(): void {
    this.controller.abort();
  }

  finish(): void {}

  // Abilities that a request of the proxy's own does not have.

  send(): never {
    return assert.fail("its body is there as a whole");
  }

  garble(): never {
    return assert.fail("its body has no frame");
  }

  stopReading(): never {
    return assert.fail("it takes everything");
  }

  readOn(): never {
    return assert.fail("it takes everything");
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
