/** The key `cache` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { WAIT_OR_ZERO, duration, size, wholeNumber } from "../../values/scalars.ts";
import { fieldName } from "../../values/texts.ts";
import { cacheFacts } from "./facts.ts";

const parameter = z
  .string()
  .min(1)
  .regex(/^[^*&=#\s]*\*?$/, { error: "expected the name of a parameter of the query, with a star at its end for all that begin so" });

const queryKey = z.strictObject({
  allow: z.array(parameter).optional().meta({ description: "The only parameters that choose a response. Absent: all do." }),
  ignore: z
    .array(parameter)
    .default([])
    .meta({ description: "Parameters that choose none, such as `utm_*`. They still go to the upstream." }),
});

const cacheKey = z.strictObject({
  query: queryKey.optional().meta({
    description: "Which parameters of the query are in the key. Absent: the whole query, as it was sent.",
  }),
  headers: z.array(fieldName).default([]).meta({
    description: "Request fields that choose the response though its `Vary` does not say so.",
  }),
  cookies: z
    .array(
      z
        .string()
        .min(1)
        .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/),
    )
    .default([])
    .meta({
      description: "Cookies that choose the response.",
    }),
  user: z.boolean().default(false).meta({
    description:
      "Whether each user whom `authentication` has found has responses of its own. Without it, what a known client gets is stored only where the origin says that it may be.",
  }),
});

const status = z.string().regex(/^[2-5][0-9]{2}$/, { error: "expected a status such as 404" });

export const cacheSchema = z.strictObject({
  store: z.string().min(1).meta({ description: "Name of the store, one of `stores`." }),
  key: cacheKey.prefault({}).meta({
    description: "What chooses a response beside scheme, host, path and query, the route, and the fields that `Vary` names.",
  }),
  ttl: z
    .strictObject({
      default: duration(WAIT_OR_ZERO).optional().meta({
        description:
          "For how long responses are fresh whose origin says nothing. Absent: a tenth of the time since their last change, a day at most (RFC 9111 section 4.2.2).",
      }),
      by_status: z.record(status, duration(WAIT_OR_ZERO)).default({}).meta({
        title: "mapping of statuses",
        description: "The same for single statuses, those too that are not stored otherwise: `{ 404: 10s }`.",
      }),
    })
    .prefault({})
    .meta({ description: "Lifetimes of responses whose origin says nothing about them." }),
  stale_while_revalidate: duration(WAIT_OR_ZERO).default(0).meta({
    description: "For how long after their end responses that do not say so may still be used while a request for a new one is under way.",
  }),
  stale_if_error: duration(WAIT_OR_ZERO).default(0).meta({
    description:
      "For how long after their end responses that do not say so may be used when the upstream fails or answers with a 5xx status.",
  }),
  max_object: size({ min: 1, max: 1024 ** 4 })
    .default(16 * 1024 ** 2)
    .meta({
      title: "size",
      description: "Largest body that is stored.",
    }),
  vary_limit: wholeNumber({ min: 1, max: 1000 }).default(32).meta({
    description: "How many responses are stored for one target that differ by request fields; the oldest makes room.",
  }),
  coalesce: duration({ min: 0, max: 9_000 }).default(5_000).meta({
    description:
      "For how long a request waits for the same one that is under way already, 9 seconds at most; 0: it goes to the upstream as well.",
  }),
  obey_clients: z.boolean().default(false).meta({
    description:
      "Whether `no-cache`, `max-age`, `min-fresh` and `max-stale` in a request's Cache-Control count, by which clients can have the upstream asked. `no-store` and `only-if-cached` always do.",
  }),
  store_cookies: z.boolean().default(false).meta({
    description: "Whether responses with Set-Cookie are stored, with these fields: everybody who gets them gets the same cookie.",
  }),
});

/** Durations in milliseconds, sizes in bytes. */
export type CacheConfig = z.output<typeof cacheSchema>;

export const cacheDeclaration = {
  facts: cacheFacts,
  schema: cacheSchema,
  description:
    "Stores responses and answers with them, by RFC 9111: the origin says what is stored and for how long. Answers have `Cache-Status`. Absent: nothing is stored.",
  calledElsewhere: {
    "": "proxy_cache http_cache caching cache_use",
    store: "zone keys_zone",
    "ttl.by_status": "proxy_cache_valid",
    "key.headers": "vary vary_by",
    stale_if_error: "proxy_cache_use_stale grace",
    coalesce: "proxy_cache_lock request_collapsing",
    max_object: "max_file_size max_object_size",
  },
} as const satisfies FeatureDeclaration;
