/** Keeps the request's body while it is sent, so that a further attempt can send it again. */
import type { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import type { RetryPolicy } from "../route-policy.ts";
import { CollectedBody } from "./collected-body.ts";
import type { Exchange } from "./exchange.ts";
import { Phase } from "./phase.ts";

/** Largest request body, in bytes, that is kept so that the request can be sent again, where the route does not say otherwise. */
const REPLAY_BYTES_MAX = 16 * 1024;

/** Keeps a copy of these bytes of the request's body for a further attempt, or forgets the body if it has become too large for that. */
export function keepForReplay(exchange: Exchange, bytes: Buffer, start: number, end: number): void {
  const { replay } = exchange;
  if (replay === null) return;
  // Nothing is sent again after the beginning of a response.
  if (exchange.responseStarted) {
    exchange.replay = null;
    return;
  }
  const retry = exchange.route?.policy?.retry ?? null;
  const size = replay.length + end - start;
  const isSmall = size <= REPLAY_BYTES_MAX;
  if (isSmall && (retry === null || keptBytes(exchange) + size <= retry.replayBytesMax))
    exchange.replay = replay + latin1(bytes, start, end);
  else if (!isSmall && retry !== null && isKeptWhole(exchange, retry, replay, bytes, start, end)) exchange.replay = "";
  else {
    exchange.replay = null;
    // The bytes kept so far have been sent, and no other attempt will need them.
    if (exchange.phase === Phase.sending) exchange.detours?.collected?.letGo();
  }
}

/** Called when the kept body has been sent: forgets it if it takes more memory than was reserved. The request cannot be sent again then. */
export function forgetBeyondMemory(exchange: Exchange): void {
  const collected = exchange.detours?.collected ?? null;
  if (collected === null || collected.unreserved <= REPLAY_BYTES_MAX) return;
  exchange.replay = null;
  collected.letGo();
}

/** Moves the text kept so far, and these bytes, to a `CollectedBody`, where larger bodies are kept. Returns false if they are too large for that as well. */
function isKeptWhole(exchange: Exchange, retry: RetryPolicy, text: string, bytes: Buffer, start: number, end: number): boolean {
  if (keptBytes(exchange) + text.length + end - start > retry.replayBytesMax) return false;
  const { detour } = exchange;
  return (detour.collected ??= new CollectedBody(exchange.thread)).keep(text, bytes, start, end);
}

function keptBytes({ detours }: Exchange): number {
  return detours?.collected?.size ?? 0;
}
