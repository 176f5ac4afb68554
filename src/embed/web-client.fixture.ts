/** The client kind of requests of the web's standard. */
import assert from "node:assert/strict";
import type { ClientKind, Got, Asked, TestClient } from "../net/contracts/test-client.fixture.ts";
import { bytesOf } from "../net/contracts/world.fixture.ts";
import type { World } from "../net/contracts/world.fixture.ts";
import type { EmbedHost } from "./embed-host.ts";
import { handleFetch } from "./handle-fetch.ts";
import { embedHost } from "./node-client.fixture.ts";

export const WEB: ClientKind = {
  name: "a request of the web's standard",
  can: {
    sendsPieces: true,
    sendsUnknownLength: true,
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
    countsBytes: true,
  },
  make: (world) => new WebClient(world),
};

interface Open extends Got {
  status: number;
  body: string;
  end: "open" | "whole" | "cut";
}

class WebClient implements TestClient {
  readonly responses: Open[] = [];
  readonly tunnelled: string = "";
  isOver: boolean = false;
  connections: number = 0;
  private readonly host: EmbedHost;
  private controller: AbortController = new AbortController();
  private sending: ReadableStreamDefaultController<Uint8Array> | null = null;
  private left: number = 0;
  private isReading: boolean = true;
  private readonly waiting: (() => void)[] = [];

  constructor(world: World) {
    world.hasNodeStreams = true;
    this.host = embedHost(world);
  }

  ask({ method = "GET", path = "/", fields = [], length = 0, body = "" }: Asked): void {
    this.connections++;
    this.isOver = false;
    this.isReading = true;
    this.controller = new AbortController();
    this.left = length;
    this.sending = null;
    const headers = new Headers([...fields].map(([name, value]): [string, string] => [name, value]));
    const init: RequestInit = { method, headers, signal: this.controller.signal };
    if (length !== 0) {
      if (length > 0) headers.set("content-length", String(length));
      init.body = new ReadableStream<Uint8Array>({ start: (controller) => void (this.sending = controller) });
      init.duplex = "half";
    }
    const request = new Request(`http://a.test${path}`, init);
    if (body !== "") this.send(body);
    void this.receive(request);
  }

  send(text: string): void {
    // A sender learns by the cancelled stream that nobody wants more.
    try {
      this.sending?.enqueue(bytesOf(text));
    } catch {
      this.sending = null;
    }
    this.left -= text.length;
    if (this.left === 0) this.finish();
  }

  finish(): void {
    this.sending?.close();
    this.sending = null;
  }

  garble(): void {
    this.sending?.error(new Error("the sender has failed"));
    this.sending = null;
  }

  stopReading(): void {
    this.isReading = false;
  }

  readOn(): void {
    this.isReading = true;
    for (const go of this.waiting.splice(0)) go();
  }

  leave(): void {
    this.controller.abort();
    this.readOn();
  }

  private async receive(request: Request): Promise<void> {
    const got: Open = { interims: [], status: 0, body: "", trailers: null, end: "open" };
    try {
      const response = await handleFetch(this.host, request);
      this.responses.push(got);
      got.status = response.status;
      const reader = response.body?.getReader();
      for (;;) {
        while (!this.isReading) await new Promise<void>((go) => this.waiting.push(go));
        const read = await reader?.read();
        if (read === undefined || read.done) break;
        got.body += Buffer.from(read.value).toString("latin1");
      }
      got.end = "whole";
    } catch {
      got.end = "cut";
      if (!this.responses.includes(got)) this.responses.push(got);
    }
    this.isOver = true;
  }

  // Abilities that a request of the web's standard does not have.

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
