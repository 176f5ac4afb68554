/** The keys of a route that say how long its exchanges may take, and what follows after a failed attempt: `timeouts`, `retry`, `hold`. */
import { z } from "zod";
import { WAIT, WAIT_OR_ZERO, duration, percentage, size, wholeNumber } from "../../values/scalars.ts";

const timeouts = z.strictObject({
  request: duration(WAIT).optional().meta({
    description:
      "Time for the whole exchange, from the request's first byte to the end of the response, all attempts and both bodies included. Past it the answer is 504, or the response is cut if it has begun. It does not end a tunnel (WebSocket). Absent: no such limit.",
  }),
  response_head: duration(WAIT).optional().meta({
    description: "In place of the upstream's `timeouts.response_head`.",
  }),
  idle: duration(WAIT).optional().meta({ description: "In place of the upstream's `timeouts.idle`." }),
  tunnel_idle: duration(WAIT).optional().meta({ description: "In place of the upstream's `timeouts.tunnel_idle`." }),
});

const STATUS = { min: 400, max: 599 };
const CONDITION = "expected connect, reset, timeout or a status from 400 to 599";

const retry = z.strictObject({
  attempts: wholeNumber({ min: 0, max: 10 }).default(2).meta({
    description: "Further attempts, each on another endpoint, in place of the upstream's `retries`. 0: none.",
  }),
  on: z
    .array(z.union([z.enum(["connect", "reset", "timeout"]), z.int().min(STATUS.min).max(STATUS.max)], { error: CONDITION }), {
      error: `expected a list of connect, reset, timeout and statuses`,
    })
    .default(["connect", "reset"])
    .meta({
      title: "list",
      description:
        "After what another attempt is made: `connect` (no connection came about), `reset` (it was lost before the response), `timeout` (the response's head did not come in time), or the status of a response, such as `503`. The last attempt's response goes to the client whatever its status.",
    }),
  non_idempotent: z.boolean().default(false).meta({
    description:
      "Whether requests that may change something twice, such as POST and PATCH, are also sent again when an endpoint may have acted on them. Only for applications that recognise a repeated request. Without it they are sent again only when nothing of them was sent.",
  }),
  budget: percentage().prefault("20%").meta({
    description:
      "Share of the exchanges in flight at the upstream that may be at a further attempt at the same time, over all threads; three may in any case. Past it failures are not tried again, so that an upstream in trouble does not get a multiple of its load.",
  }),
  backoff: z
    .strictObject({
      base: duration(WAIT_OR_ZERO).prefault("25ms").meta({
        description: "Longest wait before the first further attempt; it doubles with each one. The wait is a random part of that.",
      }),
      max: duration(WAIT_OR_ZERO).prefault("1s").meta({
        description:
          "No wait is longer. A response of a status in `on` whose `Retry-After` asks for more than this goes to the client; one that asks for less is obeyed.",
      }),
    })
    .prefault({})
    .meta({ description: "How long a further attempt waits. A connection lost while it was idle is replaced at once." }),
  replay: size({ min: 0, max: 64 * 1024 * 1024 })
    .prefault("16KiB")
    .meta({
      description:
        "Largest request body that is kept in memory so that it can be sent again. All threads together keep at most 64 MiB; what would go beyond is sent on, but not again.",
    }),
});

export const attemptKeys = {
  timeouts: timeouts.optional().meta({ description: "Time limits of this route." }),
  retry: retry.optional().meta({
    description:
      "What follows after a failed attempt. Absent: the upstream's `retries`, after lost connections and such that did not come about.",
  }),
  hold: duration(WAIT).optional().meta({
    description:
      "Time for which a request waits for an endpoint to come up, where it would be answered with 502 or 503 because none can be reached or is healthy; for a development server that restarts. At most 1000 exchanges per upstream wait, over all threads. A request whose connection was lost waits too, if it may be sent again. Absent: no wait.",
  }),
};
