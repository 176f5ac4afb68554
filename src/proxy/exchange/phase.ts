/**
 * The phases of an exchange. A phase is left for a later one, except where a further attempt begins; from each of them the client may leave,
 * which finishes the exchange.
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
  /** The request's head has come; a route is found, and its middleware decide. */
  admission: 0,
  /** An endpoint was chosen, and its connection does not stand yet. */
  connecting: 1,
  /** The connection stands: the request goes out, and its body. */
  sending: 2,
  /** The final response's head went to the client, or an answer of the proxy's own; nothing can be tried again. */
  responding: 3,
  /** The origin has switched protocols. */
  tunnel: 4,
  /** The client has its response, or gets nothing more. */
  finished: 5,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** What may follow each phase. */
export const FOLLOWING: Readonly<Record<Phase, readonly Phase[]>> = {
  [Phase.admission]: [Phase.connecting, Phase.responding, Phase.finished],
  [Phase.connecting]: [Phase.connecting, Phase.sending, Phase.responding, Phase.finished],
  [Phase.sending]: [Phase.connecting, Phase.responding, Phase.tunnel, Phase.finished],
  [Phase.responding]: [Phase.finished],
  [Phase.tunnel]: [Phase.finished],
  [Phase.finished]: [],
};
