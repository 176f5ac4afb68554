/**
 * Handles a client that has sent its FIN while its exchange runs. Such a client may be waiting for the response or may be gone; both look the
 * same (docs/decisions/0003-half-closed-clients.md). Interim responses ask it whether it is there. It is served for as long as bytes pass.
 */
import type { Exchange } from "../../../proxy/exchange/exchange.ts";
import type { ClientConnection } from "./client-connection.ts";
import { Deadline } from "./client-state.ts";
import { Way, end } from "./ending.ts";

/** Wait before each interim response that asks the client. */
const PROBE_MS = 25;
/** How many interim responses ask the client. */
const PROBES = 2;

/** Begins to watch a client whose FIN has come after a complete request. Held requests, which came before the FIN, are still answered. */
export function watchHalfClosed(connection: ClientConnection, exchange: Exchange): void {
  if (connection.held === null) connection.isLast = true;
  connection.probesLeft = !exchange.responseStarted && exchange.request.understandsInterim ? PROBES : 0;
  connection.pace.flowed(connection.thread.now);
  // If response bytes wait for the client, their own deadline shows whether it is there.
  if (!connection.outlet.blocked) setHalfClosedDeadline(connection);
}

export function setHalfClosedDeadline(connection: ClientConnection): void {
  if (connection.probesLeft > 0) connection.setDeadline(Deadline.probe, PROBE_MS);
  else connection.setDeadline(Deadline.quiet, quietLeftMs(connection));
}

/**
 * Asks the client whether it is there, by a 100 (Continue). The system of a client that is gone answers any byte with a reset, so that the next
 * write fails. A client that waits for its response must skip interim responses (RFC 9110 section 15.2).
 */
export function probe(connection: ClientConnection): void {
  if (connection.exchange?.responseStarted === true) connection.probesLeft = 0;
  if (connection.probesLeft === 0) return checkQuiet(connection);
  connection.probesLeft--;
  connection.outlet.append("HTTP/1.1 100 Continue\r\n\r\n");
  if (connection.outlet.flush()) setHalfClosedDeadline(connection);
  else connection.onBlocked();
}

/** Ends the connection if no byte has passed for the listener's `half_closed` time; else waits for the rest of that time. */
export function checkQuiet(connection: ClientConnection): void {
  if (quietLeftMs(connection) <= 0) end(connection, Way.reset, "client_gone");
  else setHalfClosedDeadline(connection);
}

function quietLeftMs({ thread, pace, context }: ClientConnection): number {
  return pace.idleLeftMs(thread.now, context.config.timeouts.half_closed);
}
