/** The key `concurrency_limit` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { limitKeySchemaWith } from "../../values/limit-key.ts";
import { duration, oneOrList, wholeNumber } from "../../values/scalars.ts";
import { concurrencyLimitFacts } from "./facts.ts";

const COUNT = { min: 1, max: 1_000_000 };

const queueSchema = z.strictObject({
  size: wholeNumber({ min: 1, max: 100_000 }).meta({
    description: "How many requests may wait for each value of `key`, over all threads together.",
  }),
  timeout: duration({ min: 1, max: 9_000 }).default(1_000).meta({ description: "How long a request waits at most, 9 seconds at most." }),
});

const limitSchema = z.strictObject({
  key: limitKeySchemaWith(
    "upstream",
    "`upstream`, all routes that lead to the same upstream (those of a `split` are one upstream of their own), alone or with what else is counted over them",
  ),
  max: wholeNumber(COUNT).meta({
    description: "How many requests may be under way at once for each value of `key`, from the head to the end of the response.",
  }),
  queue: queueSchema.optional().meta({
    description: "Requests above `max` wait for their turn. Absent: they are refused at once.",
  }),
});

/** `key` has at least one part. */
export type ConcurrencyLimit = z.output<typeof limitSchema>;

export const concurrencyLimitSchema = oneOrList(limitSchema, "limit").transform((given): readonly ConcurrencyLimit[] =>
  Array.isArray(given) ? given : [given],
);

export type ConcurrencyLimitConfig = z.output<typeof concurrencyLimitSchema>;

export const concurrencyLimitDeclaration = {
  facts: concurrencyLimitFacts,
  schema: concurrencyLimitSchema,
  description:
    "Requests that may be under way at once, counted over all threads. Above it clients get 429, or 503 where the limit counts whole routes or upstreams. WebSockets count until they close. A list: all of its limits hold. Limits by who the client is act after `authentication` and `require`, all others before. Absent: no limit.",
  calledElsewhere: {
    "": "limit_conn limit_conn_zone inflightreq in_flight_req max_concurrent concurrency maxconn max_connections bulkhead",
    max: "amount limit max_concurrency",
    queue: "backlog waiting pending",
    "queue.timeout": "queue_timeout max_wait",
    "queue.size": "max_queue maxqueue max_pending",
  },
} as const satisfies FeatureDeclaration;
