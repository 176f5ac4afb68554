/**
 * The states of a connection from a client. One request is read and answered at a time, in order (RFC 9112 section 9.3.2).
 *
 * ```text
 *          .---------------------- response complete ----------------------.
 *          v                                                               |
 *   .--> idle ----------.-- request with a body --> receiving --complete--> answering --101--> tunnel
 *   |      | part of    |                              |                   ^
 *   |      v a head     |                              |                   |
 *   |     head ---------'-- request without a body ----|-------------------'
 *   |                                                  |
 *   `-- body read ------ discarding <------------------'  response complete, request not
 *
 *   all but tunnel --last response, refused head, deadline--> ending --> closed
 *   all --the client is gone, or gets no more--> closed
 * ```
 */
export const State = {
  /** No exchange runs, and no byte of another request has come. */
  idle: 0,
  /** A part of a request's head has come. */
  head: 1,
  /** An exchange runs, and its request's body is still coming. */
  receiving: 2,
  /** An exchange runs, and its request is complete. Bytes of the request after it are held until the response is complete. */
  answering: 3,
  /** The exchange has ended before its request: the rest of the body is read and thrown away, so that the connection can go on. */
  discarding: 4,
  /** The origin has switched protocols: a Tunnel passes bytes in both directions, and ends the connection. */
  tunnel: 5,
  /** No further request is read. The rest of the last response is sent; bytes that still come are thrown away. */
  ending: 6,
  /** The socket is closed, or is about to be. */
  closed: 7,
} as const;
export type State = (typeof State)[keyof typeof State];

/** The states that each state may change to. Tests check every change against this table. */
export const FOLLOWING: Readonly<Record<State, readonly State[]>> = {
  [State.idle]: [State.head, State.receiving, State.answering, State.ending, State.closed],
  [State.head]: [State.receiving, State.answering, State.ending, State.closed],
  [State.receiving]: [State.answering, State.discarding, State.ending, State.closed],
  [State.answering]: [State.idle, State.tunnel, State.ending, State.closed],
  [State.discarding]: [State.idle, State.ending, State.closed],
  [State.tunnel]: [State.closed],
  [State.ending]: [State.closed],
  [State.closed]: [],
};

/** Whether the client's socket is read. */
export const Input = {
  /** The socket is read. */
  flowing: 0,
  /** The socket is not read until the exchange takes more, or until the client has taken the responses that wait for it. */
  paused: 1,
  /** The client has sent its FIN: nothing more comes. It may still take responses (docs/decisions/0003-half-closed-clients.md). */
  ended: 2,
} as const;
export type Input = (typeof Input)[keyof typeof Input];

/** What a connection's deadline is for, and what happens when it passes. There is at most one at a time; none while only the endpoint has to act. */
export const Deadline = {
  none: 0,
  /** The first bytes of a new connection must come. Else: close. */
  firstBytes: 1,
  /** The head that has begun must be complete. Else: 408. */
  head: 2,
  /** The request's body must come, at a minimum rate. Else: 408. */
  body: 3,
  /** The client must take some of the response bytes that wait for it. Else: reset. */
  taking: 4,
  /** After the client's FIN: time to ask it, by an interim response, whether it is still there. */
  probe: 5,
  /** After the client's FIN: bytes of the response must pass. Else: reset. */
  quiet: 6,
  /** The rest of a refused body must come. Else: close. */
  discard: 7,
  /** The connection has become idle: time to give back its reader and buffer. The next deadline is `keepAlive`. */
  settle: 8,
  /** The next request must begin. Else: close. */
  keepAlive: 9,
  /** The client must close a connection that is ending. Else: close. */
  linger: 10,
} as const;
export type Deadline = (typeof Deadline)[keyof typeof Deadline];
