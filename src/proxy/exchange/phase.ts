/**
 * The phases of an exchange, from the complete head of the request to the end. An exchange only goes forward, except that a further attempt
 * goes back to `connecting`. The client may leave in any phase; that finishes the exchange.
 *
 * ```text
 *                 .-- retry --.---------.
 *                 v           |         |
 *   admission --> connecting -'-> sending --head--> responding --> finished
 *       |             |             |  `---101----> tunnel -----------^
 *       `-------------`-------------`--answer-----> responding
 * ```
 */
export const Phase = {
  /** The route is found, and its middleware decide whether the request is admitted. */
  admission: 0,
  /** An endpoint was chosen; its connection is not established yet. */
  connecting: 1,
  /** The connection is established: the request is sent, head and body. */
  sending: 2,
  /** The head of the final response was sent to the client, or an answer of the proxy's own was: no further attempt is possible. */
  responding: 3,
  /** The origin server has switched protocols (101). */
  tunnel: 4,
  /** The client has its whole response, or gets nothing more. */
  finished: 5,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** The phases that may follow each phase. Only tests check this table. */
export const FOLLOWING: Readonly<Record<Phase, readonly Phase[]>> = {
  [Phase.admission]: [Phase.connecting, Phase.responding, Phase.finished],
  [Phase.connecting]: [Phase.connecting, Phase.sending, Phase.responding, Phase.finished],
  [Phase.sending]: [Phase.connecting, Phase.responding, Phase.tunnel, Phase.finished],
  [Phase.responding]: [Phase.finished],
  [Phase.tunnel]: [Phase.finished],
  [Phase.finished]: [],
};
