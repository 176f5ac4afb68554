import type { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { codeOf } from "../base/errors.ts";
import type { FieldPair } from "../http/field-pairs.ts";
import type { HostedResponse, HostedResponseEvents } from "./hosted-message.ts";
import { FRAMING, grouped, setFields } from "./node-messages.ts";
import type { GroupedFields } from "./node-messages.ts";

/** A response of Node's http or https. */
export class Http1Response implements HostedResponse {
  readonly isHttp1: boolean = true;
  readonly sendsTrailers: boolean = true;
  private readonly request: IncomingMessage;
  private readonly response: ServerResponse;
  private hasBegun: boolean = false;
  private hasEnded: boolean = false;
  private isFlushed: boolean = false;
  /** Only the end of the connection ends the body, so that an orderly end would look complete. */
  private isUntilClose: boolean = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
  }

  get isOurs(): boolean {
    const { response } = this;
    return !response.writableEnded && !response.destroyed && (this.hasBegun || !response.headersSent);
  }

  get queuedBytes(): number {
    return this.response.writableLength;
  }

  get isBehindAnother(): boolean {
    return this.response.socket === null && !this.response.destroyed && !this.request.socket.destroyed;
  }

  start(events: HostedResponseEvents): void {
    const { response, request } = this;
    response.on("error", () => {});
    response.on("drain", () => events.responseTaken());
    response.on("close", () => events.responseClosed(codeOf(request.socket.errored) === "ECONNRESET"));
  }

  interim(status: number, fields: readonly FieldPair[]): void {
    const { response } = this;
    if (this.hasBegun) return;
    const named = grouped(fields);
    if (status !== 100) return sendInterim(response, status, named);
    // Node has sent a 100 (Continue) already unless its program has a listener for `checkContinue`.
    if (Reflect.get(response, "_sent100") !== true) response.writeContinue();
  }

  head(status: number, reason: string, fields: readonly FieldPair[]): void {
    const { response } = this;
    this.hasBegun = true;
    response.sendDate = false;
    setFields(response, fields);
    this.isUntilClose = !FRAMING.some((name) => response.hasHeader(name));
    response.writeHead(status, reason);
  }

  write(bytes: Buffer): boolean {
    this.isFlushed = true;
    const { response } = this;
    const isTaken: unknown = response.write(bytes);
    // Frameworks put functions in the place of Node's, of which some return nothing.
    return typeof isTaken === "boolean" ? isTaken : !response.writableNeedDrain;
  }

  flush(): void {
    if (this.isFlushed || !this.hasBegun || !this.isOurs) return;
    this.isFlushed = true;
    this.response.flushHeaders();
  }

  end(trailers: readonly FieldPair[]): void {
    const { response } = this;
    if (!this.isOurs) return;
    this.hasEnded = true;
    if (trailers.length > 0) response.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
    response.end();
  }

  cut(): void {
    const { response } = this;
    this.flush();
    // Node collects what is written in a turn: at the response since version 26, at the socket before.
    while (response.writableCorked > 0) response.uncork();
    while (response.socket !== null && response.socket.writableCorked > 0) response.socket.uncork();
    if (response.socket === null || this.isUntilClose) return this.reset();
    // Everything that was written leaves before the connection ends. Its end shows that something is missing.
    if (typeof response.socket.destroySoon === "function") response.socket.destroySoon();
    else response.destroy();
  }

  reset(): void {
    const { response } = this;
    const { socket } = response;
    try {
      // While a FIN is being sent, a reset would never lead to `close`.
      if (socket === null || this.hasEnded || socket.writableEnded) response.destroy();
      else socket.resetAndDestroy();
    } catch {
      response.destroy();
    }
  }
}

/** Node before 26 has no way to send others than 100, 102 and 103: those are left out. */
function sendInterim(response: ServerResponse, status: number, fields: GroupedFields): void {
  if (typeof response.writeInformation === "function") response.writeInformation(status, Object.fromEntries(fields));
  else if (status === 102) response.writeProcessing();
  else if (status === 103) sendEarlyHints(response, fields);
}

function sendEarlyHints(response: ServerResponse, fields: GroupedFields): void {
  try {
    response.writeEarlyHints(Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value])));
  } catch {
    // Node takes only some of the values that Link can have.
  }
}
