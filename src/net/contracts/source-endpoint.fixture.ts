/** The endpoint kind of sources (`ResponseSource`): middleware that answers in the place of an endpoint. */
import assert from "node:assert/strict";
import { latin1 } from "../../base/latin1.ts";
import { buildResponseHead } from "../../http/build-head.ts";
import type { Fields } from "../../http/build-head.ts";
import type { BodyLength } from "../../http/body-length.ts";
import { SourceStream } from "../../proxy/exchange/source-stream.ts";
import type { ResponseSource, SourceInput, SourceResponse } from "../../proxy/feature/response-source.ts";
import type { OutgoingRequest } from "../../proxy/ports/outgoing-request.ts";
import type { UpstreamStream } from "../../proxy/ports/upstream-stream.ts";
import type { Attempt } from "./attempt.fixture.ts";
import type { EndpointKind, GotRequest, TestEndpoint } from "./test-endpoint.fixture.ts";
import { bytesOf, trailersOf } from "./world.fixture.ts";
import type { World } from "./world.fixture.ts";

export const SOURCE: EndpointKind = {
  name: "a source",
  can: {
    connects: false,
    sendsInterims: false,
    sendsTrailers: true,
    seesTrailers: true,
    switches: false,
    persists: false,
    tellsFailures: false,
    learnsLateOfPauses: true,
  },
  make: (world) => new SourceEndpoint(world),
};

interface Request extends GotRequest {
  body: string;
  isWhole: boolean;
  trailers: string | null;
}

class SourceEndpoint implements TestEndpoint, ResponseSource {
  readonly requests: Request[] = [];
  isLeft: boolean = false;
  connections: number = 0;
  readonly tunnelled: string = "";
  readonly tunnelEnded: boolean = false;
  private readonly world: World;
  private response: SourceResponse | null = null;
  private reads: boolean = true;
  /** Pieces that wait until the client takes more, as in a source that reads a file. */
  private waiting: string[] = [];
  private isPaused: boolean = false;
  private onTaken: (() => void) | null = null;

  constructor(world: World) {
    this.world = world;
  }

  dial(attempt: Attempt): UpstreamStream {
    this.connections++;
    this.isLeft = false;
    const stream = new SourceStream(this, "source", attempt, this.world.thread, true);
    // No connection has to be made, so the source is ready at once, as in `Exchange.answerFrom`.
    this.world.network.post(() => attempt.upstreamReady(stream));
    return stream;
  }

  take(): null {
    return null;
  }

  // ---- what the source does -----------------------------------------------------------------------------------------

  head(status: number, length: BodyLength, fields: Fields = []): void {
    this.later((response) => response.respond(buildResponseHead({ status }, fields), length));
  }

  body(text: string): void {
    this.later((response) => {
      if (this.isPaused) return void this.waiting.push(text);
      this.writes(response, text);
    });
  }

  private writes(response: SourceResponse, text: string): void {
    const half = text.slice(0, text.length / 2);
    // A source may write the same bytes again and again.
    const isTwice = text === half.repeat(2);
    const bytes = bytesOf(isTwice ? half : text);
    response.write(bytes);
    if (isTwice) response.write(bytes);
    if (bytes.toString("latin1") !== (isTwice ? half : text)) this.world.breaches.push("the source's bytes were changed");
    this.isPaused = !response.flush();
  }

  end(trailers: Fields = []): void {
    const lines = [...trailers];
    const end = (): void => this.response?.end(lines.length === 0 ? null : trailersOf(lines));
    this.later(() => {
      if (this.isPaused) this.onTaken = end;
      else end();
    });
  }

  garble(): void {
    this.later((response) => response.write(bytesOf("no head")));
  }

  stopReading(): void {
    this.reads = false;
  }

  readOn(): void {
    this.reads = true;
    this.later((response) => response.resume());
  }

  closes(): void {
    this.later((response) => response.fail(new Error("there is no more")));
  }

  resets(): void {
    this.closes();
  }

  private later(act: (response: SourceResponse) => void): void {
    this.world.network.post(() => act(this.response ?? assert.fail("the source was not asked")));
  }

  // ---- ResponseSource -----------------------------------------------------------------------------------------------

  start({ request }: OutgoingRequest, response: SourceResponse): SourceInput {
    this.requests.push({ method: request.method, path: request.path, body: "", isWhole: false, trailers: null });
    this.response = response;
    return {
      data: (bytes, start, end) => {
        this.request.body += latin1(bytes, start, end);
      },
      end: (trailers) => {
        this.request.isWhole = true;
        this.request.trailers = trailers === null ? null : trailers.text;
      },
      flush: () => this.reads,
      writable: () => this.goesOn(response),
      abort: () => {
        this.isLeft = true;
      },
    };
  }

  private goesOn(response: SourceResponse): void {
    this.isPaused = false;
    while (!this.isPaused) {
      const next = this.waiting.shift();
      if (next === undefined) return this.onTaken?.();
      this.writes(response, next);
    }
  }

  private get request(): Request {
    return this.requests.at(-1) ?? assert.fail("the source was not asked");
  }

  // Abilities that a source does not have.

  isAbsent(): never {
    return assert.fail("it is always there");
  }

  turnTo(): never {
    return assert.fail("it has no connections");
  }

  interim(): never {
    return assert.fail("it has no interim responses");
  }

  switches(): never {
    return assert.fail("it switches no protocols");
  }

  sendInTunnel(): never {
    return assert.fail("it switches no protocols");
  }
}
