/** How a connection with a client ends: `end` is the one way out. Only a Tunnel ends its connection itself. */
import { FieldEdits } from "../../../http/field-edits.ts";
import { Known } from "../../../http/known-fields.ts";
import * as answers from "../../../proxy/exchange/answers.ts";
import type { Exchange } from "../../../proxy/exchange/exchange.ts";
import type { ClientEnd } from "../../../proxy/ports/client-stream.ts";
import type { LocalAnswer } from "../../../proxy/local-answer.ts";
import { CounterId } from "../../../shared/metric-table.ts";
import { BodyMode, answerText } from "../response-writer.ts";
import type { ClientConnection } from "./client-connection.ts";
import { Deadline, Input, State } from "./client-state.ts";

/** How long a connection that ends waits for its client to close. */
const LINGER_MS = 2000;

const NO_EDITS = new FieldEdits();

/** How the connection is closed. */
export const Way = {
  /**
   * After a last response that the client may still be sending to: FIN, and what still comes is read for a while. Closed with bytes unread, the
   * system sends a reset, which can take the response with it (RFC 9112 section 9.6).
   */
  lingering: 0,
  /** As soon as everything written has left: nothing of the client can be on its way. */
  whenWritten: 1,
  /** Now. */
  atOnce: 2,
  /**
   * Now, and the client sees a failure. For a body that ends with its connection, which would look complete after a FIN; and for a client that
   * takes nothing: closed in order, the system would keep for minutes what the client has not taken, megabytes.
   */
  reset: 3,
} as const;
export type Way = (typeof Way)[keyof typeof Way];

/**
 * Ends the connection.
 * @param gone what is told to the exchange, if one runs that does not end by itself
 */
export function end(connection: ClientConnection, way: Way, gone: ClientEnd | null = null): void {
  if (connection.state === State.closed) return;
  if (way === Way.atOnce || way === Way.reset) close(connection, way, gone);
  else endSoon(connection, way === Way.lingering && connection.input !== Input.ended);
}

/** @param lingers the client may still be sending */
function endSoon(connection: ClientConnection, lingers: boolean): void {
  const { outlet, transport } = connection;
  outlet.endWait();
  if (connection.state !== State.ending) connection.enter(State.ending);
  connection.discarded = 0;
  connection.held = null;
  if (!lingers) transport.destroySoon();
  // Where a response waits for its client, the time to linger begins when the client has taken it.
  else transport.end(outlet.blocked ? (): void => connection.setDeadline(Deadline.linger, LINGER_MS) : undefined);
  if (outlet.blocked) connection.watchTaking();
  else connection.setDeadline(Deadline.linger, LINGER_MS);
  if (lingers) connection.resumeReading();
}

function close(connection: ClientConnection, way: Way, gone: ClientEnd | null): void {
  // Before the exchange is told: when an exchange is over, a request that is held would be begun.
  connection.enter(State.closed);
  connection.cancelDeadline();
  if (gone !== null) connection.exchange?.clientGone(gone);
  if (way === Way.reset) return connection.transport.reset();
  connection.outlet.endWait();
  connection.transport.destroy();
}

/** Answers what is no request (yet): a malformed or a late head. */
export function refuse(connection: ClientConnection, answer: LocalAnswer): void {
  connection.thread.metrics.add(answer.status === 408 ? CounterId.request_timeouts : CounterId.malformed_requests, 1);
  turnAway(connection, answer);
}

/** Gives an answer that no complete request has asked for, the connection's last one. */
export function turnAway(connection: ClientConnection, answer: LocalAnswer): void {
  const { thread, outlet, reader } = connection;
  const head = reader.startedHead;
  // Earlier responses are written first, so that their bytes are not counted for this answer.
  outlet.endWait();
  const before = outlet.bytesWritten;
  const json = head !== null && answers.acceptsJson(head.knownValue(Known.accept));
  outlet.append(answerText(answer, NO_EDITS, json, head?.method === "HEAD", true, thread.now + thread.epochOffset));
  outlet.flush();
  thread.refused(connection.peer, answer, head, connection.headStartedAt, reader.bytesOfHead, outlet.bytesWritten - before);
  end(connection, Way.lingering);
}

/** The response cannot be completed, and the client must see that. */
export function cut(connection: ClientConnection): void {
  // What came before the fault in the same read is the client's: the same as if it had come alone.
  connection.thread.chunk.close(connection.outlet);
  connection.outlet.flush();
  end(connection, endsBody(connection) ? Way.reset : Way.atOnce);
}

/**
 * Ends the connection whatever it is doing. A client without an answer gets one.
 * @returns whether an exchange was cut, or a response that was on its way
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

/** Only the end of the connection tells the client that the current response's body is complete. */
export function endsBody({ bodyMode }: ClientConnection): boolean {
  return bodyMode === BodyMode.untilClose;
}

/**
 * Closes a connection that has served and that no request is under way on: its client must expect that (RFC 9112 section 9.3), unlike one
 * that just came.
 * @returns whether it was one
 */
export function closeIfIdle(connection: ClientConnection): boolean {
  const { outlet } = connection;
  if (connection.state !== State.idle || connection.requests === 0 || outlet.blocked || outlet.waits) return false;
  end(connection, Way.atOnce);
  return true;
}

/** How a connection ends after its last response. */
export function endAfter(connection: ClientConnection, { connection: options, request, requestLength }: Exchange): Way {
  const saidSo = options.close || (request.version === "1.0" && !options.keepAlive);
  // After a POST and its like, old clients send a CRLF more than they say (RFC 9112 section 2.2), or a body without saying it.
  const isWhole = requestLength === 0 && (request.method === "GET" || request.method === "HEAD");
  const isRead = connection.held === null && connection.input !== Input.paused && !connection.reader.hasRest;
  return saidSo && isWhole && isRead && !connection.outlet.blocked ? Way.whenWritten : Way.lingering;
}
