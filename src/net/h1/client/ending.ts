/** How a client's connection ends. Every end passes through `end`, except that a Tunnel closes its connection itself. */
import { FieldEdits } from "../../../http/field-edits.ts";
import * as answers from "../../../proxy/exchange/answers.ts";
import type { Exchange } from "../../../proxy/exchange/exchange.ts";
import { finishAnswer } from "../../../proxy/exchange/finished-answer.ts";
import type { ClientEnd } from "../../../proxy/ports/client-stream.ts";
import type { LocalAnswer } from "../../../proxy/local-answer.ts";
import { CounterId } from "../../../shared/metric-table.ts";
import { LINGER_MS } from "../../refused-body.ts";
import { BodyMode, answerText } from "../response-writer.ts";
import type { ClientConnection } from "./client-connection.ts";
import { Deadline, Input, State } from "./client-state.ts";

const NO_EDITS = new FieldEdits();

/** How the connection is closed. */
export const Way = {
  /**
   * Send the rest and a FIN, then read and throw away what the client still sends, for a while. If the proxy closed a socket with unread
   * bytes, the system would send a reset, which can destroy the response on its way (RFC 9112 section 9.6).
   */
  lingering: 0,
  /** Close as soon as everything has been sent. For a client that cannot have sent anything more. */
  whenWritten: 1,
  /** Close now. */
  atOnce: 2,
  /**
   * Reset now, so that the client sees a failure. For a body whose end is the connection's end: after a FIN it would look complete. Also for a
   * client that takes nothing: after an orderly close the system would keep the unsent bytes, perhaps megabytes, for minutes.
   */
  reset: 3,
} as const;
export type Way = (typeof Way)[keyof typeof Way];

/**
 * Ends the connection; does nothing if it is closed.
 * @param gone the reason that a running exchange is told; null if the exchange knows already, or none runs
 */
export function end(connection: ClientConnection, way: Way, gone: ClientEnd | null = null): void {
  if (connection.state === State.closed) return;
  if (way === Way.atOnce || way === Way.reset) close(connection, way, gone);
  else endSoon(connection, way === Way.lingering && connection.input !== Input.ended);
}

/** @param lingers whether to read on after the FIN, because the client may still be sending */
function endSoon(connection: ClientConnection, lingers: boolean): void {
  const { outlet, transport } = connection;
  outlet.endWait();
  if (connection.state !== State.ending) connection.enter(State.ending);
  connection.discarded = 0;
  connection.held = null;
  if (!lingers) transport.destroySoon();
  // If response bytes wait for the client, the lingering time begins when the client has taken them.
  else transport.end(outlet.blocked ? (): void => connection.setDeadline(Deadline.linger, LINGER_MS) : undefined);
  if (outlet.blocked) connection.watchTaking();
  else connection.setDeadline(Deadline.linger, LINGER_MS);
  if (lingers) connection.resumeReading();
}

function close(connection: ClientConnection, way: Way, gone: ClientEnd | null): void {
  // The state must change before the exchange is told: an exchange that ends would begin the next held request.
  connection.enter(State.closed);
  connection.cancelDeadline();
  if (gone !== null) connection.exchange?.clientGone(gone);
  if (way === Way.reset) return connection.transport.reset();
  connection.outlet.endWait();
  connection.transport.destroy();
}

/** Counts a malformed or late head and answers it, then ends the connection. */
export function refuse(connection: ClientConnection, answer: LocalAnswer): void {
  connection.thread.metrics.add(answer.status === 408 ? CounterId.request_timeouts : CounterId.malformed_requests, 1);
  turnAway(connection, answer);
}

/** Sends `answer` although no complete request has come, logs it, and ends the connection. */
export function turnAway(connection: ClientConnection, answer: LocalAnswer): void {
  const { thread, outlet, reader } = connection;
  const head = reader.startedHead;
  // Earlier responses are written first, so that their bytes are not counted for this answer.
  outlet.endWait();
  const before = outlet.bytesWritten;
  outlet.append(answerText(finishAnswer(answer, head, NO_EDITS, thread.now + thread.epochOffset), true));
  outlet.flush();
  thread.refused(connection.peer, answer, head, connection.headStartedAt, reader.bytesOfHead, outlet.bytesWritten - before);
  end(connection, Way.lingering);
}

/** Ends a connection whose response cannot be completed, in such a way that the client notices. */
export function cut(connection: ClientConnection): void {
  // The client still gets the body bytes that came before the fault in the same read, as if they had come in a read of their own.
  connection.thread.chunk.close(connection.outlet);
  connection.outlet.flush();
  end(connection, endsBody(connection) ? Way.reset : Way.atOnce);
}

/**
 * Ends the connection, whatever it is doing. A client whose response has not begun gets an error answer.
 * @returns whether an exchange was cut, or a response that was still being sent
 */
export function cutNow(connection: ClientConnection): boolean {
  const { exchange, outlet } = connection;
  const cuts = exchange !== null || outlet.blocked;
  if (exchange === null || exchange.responseStarted) {
    end(connection, cuts && endsBody(connection) ? Way.reset : Way.atOnce, "drain_timeout");
    return cuts;
  }
  connection.isLast = true;
  exchange.requestFailed(answers.DRAIN_TIMEOUT);
  end(connection, Way.atOnce);
  return cuts;
}

/** Whether only the end of the connection tells the client that the current response's body is complete. */
export function endsBody({ bodyMode }: ClientConnection): boolean {
  return bodyMode === BodyMode.untilClose;
}

/**
 * Closes the connection if it has served a request before and is idle now. Its client must expect that (RFC 9112 section 9.3); the client
 * of a new connection need not.
 * @returns whether it was closed
 */
export function closeIfIdle(connection: ClientConnection): boolean {
  const { outlet } = connection;
  if (connection.state !== State.idle || connection.requests === 0 || outlet.blocked || outlet.waits) return false;
  end(connection, Way.atOnce);
  return true;
}

/** How to end the connection after its last response, which is that of the given exchange. */
export function endAfter(connection: ClientConnection, { connection: options, request, requestLength }: Exchange): Way {
  const saidSo = options.close || (request.version === "1.0" && !options.keepAlive);
  // Only after GET or HEAD: some old clients send an extra CRLF after a POST (RFC 9112 section 2.2), or a body without announcing it.
  const isWhole = requestLength === 0 && (request.method === "GET" || request.method === "HEAD");
  const isRead = connection.held === null && connection.input !== Input.paused && !connection.reader.hasRest;
  return saidSo && isWhole && isRead && !connection.outlet.blocked ? Way.whenWritten : Way.lingering;
}
