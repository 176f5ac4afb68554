import { Timed } from "../../base/deadlines.ts";
import type { Buffer } from "node:buffer";
import type { ConnectionAddresses } from "../../proxy-protocol/header.ts";
import type { ClientStream } from "../ports/client-stream.ts";
import type { OwnedUpstream } from "../ports/upstream-stream.ts";
import type { Exchange } from "./exchange.ts";

/** Stands in for the client's connection of an exchange that repeats the request of another one, and that no client waits for: it takes everything and passes nothing on. */
export abstract class BackgroundClient extends Timed implements ClientStream {
  readonly isBackground: boolean = true;
  readonly owned: null = null;
  readonly bytesWritten: number = 0;
  /** The client whose request is repeated. */
  private readonly original: ClientStream;

  constructor({ downstream }: Exchange) {
    super();
    this.original = downstream;
  }

  addresses(): ConnectionAddresses | null {
    return this.original.addresses();
  }

  abstract resumeRequest(): void;
  abstract exchangeFinished(): void;

  respond(): void {}

  data(_bytes: Buffer, _start: number, _end: number): void {}

  flush(): boolean {
    return true;
  }

  own(upstream: OwnedUpstream): void {
    upstream.close();
  }

  startTunnel(): void {
    throw new Error("no upgrade is asked for");
  }

  interim(): void {}

  answer(): void {}

  end(): void {}

  cut(): void {}

  pauseRequest(): void {}
}
