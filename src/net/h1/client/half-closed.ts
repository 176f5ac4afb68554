/**
 * A client that has sent its FIN while its exchange runs: it may wait for the response, or be gone, which looks the same
 * (docs/decisions/0003-half-closed-clients.md). It is asked, and served for as long as something passes.
 */
import type { Exchange } from "../../../proxy/exchange/exchange.ts";
import type { ClientConnection } from "./client-connection.ts";
import { Deadline } from "./client-state.ts";
import { Way, end } from "./ending.ts";

/** Wait before each question. */
const PROBE_MS = 25;
const PROBES = 2;

/** The exchange's request is complete. Requests that came before the FIN, and are held, are answered after it. */
export function watchHalfClosed(connection: ClientConnection, exchange: Exchange): void {
  if (connection.held === null) connection.isLast = true;
  connection.probesLeft = !exchange.responseStarted && exchange.request.understandsInterim ? PROBES : 0;
  connection.pace.flowed(connection.thread.now);
  // A client that must take something first shows by that whether it is there.
  if (!connection.outlet.blocked) setHalfClosedDeadline(connection);
}

export function setHalfClosedDeadline(connection: ClientConnection): void {
  if (connection.probesLeft > 0) connection.setDeadline(Deadline.probe, PROBE_MS);
  else connection.setDeadline(Deadline.quiet, quietLeftMs(connection));
}

/**
 * Asks the client whether it is there. A client that is gone answers any byte with a reset, and the next write fails; one that waits for its
 * response must skip an interim one (RFC 9110 section 15.2).
 */
export function probe(connection: ClientConnection): void {
  if (connection.exchange?.responseStarted === true) connection.probesLeft = 0;
  if (connection.probesLeft === 0) return checkQuiet(connection);
  connection.probesLeft--;
  connection.outlet.append("HTTP/1.1 100 Continue\r\n\r\n");
  if (connection.outlet.flush()) setHalfClosedDeadline(connection);
  else connection.onBlocked();
}

/** Nothing has passed for some time. */
export function checkQuiet(connection: ClientConnection): void {
  if (quietLeftMs(connection) <= 0) end(connection, Way.reset, "client_gone");
  else setHalfClosedDeadline(connection);
}

function quietLeftMs({ thread, pace, context }: ClientConnection): number {
  return pace.idleLeftMs(thread.now, context.config.timeouts.half_closed);
}
