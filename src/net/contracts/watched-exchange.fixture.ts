/**
 * Watches an exchange, from the moment when it asks for an endpoint: every call of the client's driver that the port `ClientStream` does not allow
 * is noted as a breach.
 */
import type { Exchange } from "../../proxy/exchange/exchange.ts";
import type { ClientStream } from "../../proxy/ports/client-stream.ts";

export interface Watched {
  readonly exchange: Exchange;
  /** Whether the exchange waits for `clientUnblocked`: `flush` returned false, or `clientBlocked` came. */
  readonly waits: boolean;
  /** How often `clientBlocked`, `clientUnblocked` and `clientGone` came. */
  readonly blocked: number;
  readonly unblocked: number;
  readonly gone: number;
  /** Whether body bytes were delivered without a `requestFlush` after them. */
  readonly isUnflushed: boolean;
  readonly isPaused: boolean;
}

/** Wraps the methods of `exchange` and of its client's stream. Breaches are added to `breaches`, in words. */
export function watch(exchange: Exchange, breaches: string[]): Watched {
  const downstream: unknown = Reflect.get(exchange, "downstream");
  const port = downstream as ClientStream;
  const seen = {
    exchange,
    waits: false,
    blocked: 0,
    unblocked: 0,
    gone: 0,
    isUnflushed: false,
    isPaused: false,
    isOver: false,
    hasTunnel: false,
    tunnelEnds: 0,
    inCall: "",
  };
  const breach = (text: string): void => void breaches.push(text);
  /** Checks each call of the exchange by the driver. */
  const hears = (
    name: "requestData" | "requestEnd" | "clientBlocked" | "clientUnblocked" | "clientGone" | "tunnelEnded",
    check: () => void,
  ): void => {
    const call = exchange[name].bind(exchange) as (...values: unknown[]) => void;
    Object.defineProperty(exchange, name, {
      value: (...values: unknown[]): void => {
        if (seen.isOver) breach(`${name} after the exchange has finished`);
        if (seen.gone > 0) breach(`${name} after clientGone`);
        check();
        call(...values);
      },
    });
  };
  /** Notes each call of the driver by the exchange. */
  const asks = (
    name: "flush" | "pauseRequest" | "resumeRequest" | "exchangeFinished" | "startTunnel",
    after: (result: unknown) => void,
    before: () => void = () => {},
  ): void => {
    const call = port[name].bind(port) as (...values: unknown[]) => unknown;
    Object.defineProperty(port, name, {
      configurable: true,
      value: (...values: unknown[]): unknown => {
        before();
        seen.inCall = name;
        const result = call(...values);
        seen.inCall = "";
        after(result);
        return result;
      },
    });
  };
  const takes = (name: string) => (): void => {
    if (!exchange.takesBody) breach(`${name} although the exchange takes no body`);
    if (seen.isPaused) breach(`${name} while paused`);
    if (exchange.requestEnded) breach(`${name} after the end of the request`);
    seen.isUnflushed = true;
  };
  hears("requestData", takes("requestData"));
  hears("requestEnd", takes("requestEnd"));
  hears("clientBlocked", () => {
    if (seen.waits) breach("clientBlocked although flush had said false");
    seen.blocked++;
    seen.waits = true;
  });
  hears("clientUnblocked", () => {
    if (!seen.waits) breach("clientUnblocked although nothing waited");
    if (seen.inCall !== "") breach(`clientUnblocked from within ${seen.inCall}`);
    seen.unblocked++;
    seen.waits = false;
  });
  hears("clientGone", () => seen.gone++);
  hears("tunnelEnded", () => {
    if (!seen.hasTunnel) breach("tunnelEnded without a tunnel");
    if (++seen.tunnelEnds > 1) breach("tunnelEnded twice");
  });
  // The exchange calls `requestFlush` as well, so it is not checked.
  const flushRequest = exchange.requestFlush.bind(exchange);
  exchange.requestFlush = () => {
    seen.isUnflushed = false;
    flushRequest();
  };
  asks("flush", (isWritten) => {
    if (isWritten === false) seen.waits = true;
    else if (seen.waits) breach("flush says true before clientUnblocked");
  });
  asks(
    "pauseRequest",
    () => {},
    () => (seen.isPaused = true),
  );
  asks(
    "resumeRequest",
    () => {},
    () => (seen.isPaused = false),
  );
  asks(
    "startTunnel",
    () => {},
    () => (seen.hasTunnel = true),
  );
  const names = ["flush", "pauseRequest", "resumeRequest", "startTunnel", "exchangeFinished"] as const;
  asks(
    "exchangeFinished",
    () => {},
    () => {
      if (seen.isOver) breach("the exchange finished twice");
      seen.isOver = true;
      // The connection's next exchange gets a watch of its own.
      for (const name of names) Reflect.deleteProperty(port, name);
    },
  );
  return seen;
}
