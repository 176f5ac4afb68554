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
  /** Nothing of a next request has come. */
  idle: 0,
  /** A part of a request's head has come. */
  head: 1,
  /** An exchange runs, and its request's body is still coming. */
  receiving: 2,
  /** An exchange runs, and its request is complete. The bytes of a next request are held until the response is complete. */
  answering: 3,
  /** The exchange has ended before its request: the rest of the body is read and thrown away, so that the connection can go on. */
  discarding: 4,
  /** The origin has switched protocols: a Tunnel passes bytes in both directions, and ends the connection. */
  tunnel: 5,
  /** No further request is read. What is left of the last response goes out; what still comes is thrown away. */
  ending: 6,
  /** The socket is closed, or is about to be. */
  closed: 7,
} as const;
export type State = (typeof State)[keyof typeof State];

/** What may follow each state. */
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

/** What comes from the client's socket. */
export const Input = {
  /** It is read. */
  flowing: 0,
  /** It is not read until the exchange, or a client that does not take its responses, is ready for more. */
  paused: 1,
  /** The client has sent its FIN: nothing more comes. It may still take responses (docs/decisions/0003-half-closed-clients.md). */
  ended: 2,
} as const;
export type Input = (typeof Input)[keyof typeof Input];

/** What the deadline of a connection is for. There is one at a time, and none while only the endpoint has to act. */
export const Deadline = {
  none: 0,
  /** A new connection: its first bytes must come. Then: closed. */
  firstBytes: 1,
  /** The head that has begun must be complete. Then: 408. */
  head: 2,
  /** The request's body must come, at a minimum pace. Then: 408. */
  body: 3,
  /** The client must take some of what waits for it. Then: reset. */
  taking: 4,
  /** After the client's FIN: it is asked, by an interim response, whether it is still there. */
  probe: 5,
  /** After the client's FIN: something must pass. Then: reset. */
  quiet: 6,
  /** The rest of a refused body must come. Then: closed. */
  discard: 7,
  /** A connection that has just become idle gives back what it was lent. Then: `keepAlive`. */
  settle: 8,
  /** The next request must begin. Then: closed. */
  keepAlive: 9,
  /** A connection that ends must have been closed by its client. Then: closed. */
  linger: 10,
} as const;
export type Deadline = (typeof Deadline)[keyof typeof Deadline];
