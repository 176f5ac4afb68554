/**
 * The states of a client that comes through somebody else's program. It has one request.
 *
 * ```text
 *   open --the exchange is over, or the request was refused--> leaving --> closed
 *     '---------------- the client is gone, or is cut ----------------------^
 * ```
 */
export const State = {
  /** The request is not answered yet: its exchange runs, or is about to begin. */
  open: 0,
  /** The rest of the response is taken by the client, and the rest of the request thrown away. */
  leaving: 1,
  /** Nothing more comes from the client, and nothing goes to it. */
  closed: 2,
} as const;
export type State = (typeof State)[keyof typeof State];

/** What the client's deadline is for, and what happens when it passes. There is at most one; none while only the endpoint has to act. */
export const Deadline = {
  none: 0,
  /** The request's body must come, at a minimum rate. Else: 408. */
  body: 1,
  /** The client must take some of the response bytes that wait for it. Else: the response is ended. */
  taking: 2,
  /** After an early answer: the rest of the request must come. Else: the connection is closed with the response. */
  rest: 3,
  /** The response was cut: the bytes before the cut must leave. Else: they are dropped. */
  cut: 4,
} as const;
export type Deadline = (typeof Deadline)[keyof typeof Deadline];
