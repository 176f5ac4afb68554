/** Which requests a route takes, what it does with them, and where they go. */
import { z } from "zod";
import { corsOrigin, fieldName, fieldValue, hostPattern, listedMethod, method, nameOf, pathPattern } from "./addresses.ts";
import { exactly } from "./exactly.ts";
import { WAIT_OR_ZERO, durationOrSeconds, oneOrMore, size, wholeNumber } from "./scalars.ts";

export interface MatchConfig {
  host?: string[] | undefined;
  path?: string[] | undefined;
  methods?: string[] | undefined;
  headers?: Record<string, string> | undefined;
}

export interface MatchInput {
  host?: string | string[] | undefined;
  path?: string | string[] | undefined;
  methods?: string | string[] | undefined;
  headers?: Record<string, string> | undefined;
}

/** Exactly one of the two rates is given. */
export interface RateLimitConfig {
  requests_per_minute?: number | undefined;
  requests_per_second?: number | undefined;
  burst: number;
  /** `client_ip` or `header:NAME`. */
  key: string;
}

export interface RateLimitInput {
  requests_per_minute?: number | undefined;
  requests_per_second?: number | undefined;
  burst?: number | undefined;
  key?: string | undefined;
}

export interface CorsConfig {
  allowed_origins: string[];
  allowed_methods: string[];
  allowed_headers: string[];
  exposed_headers: string[];
  /** Never true together with the origin `*`. */
  allow_credentials: boolean;
  /** Milliseconds. */
  max_age?: number | undefined;
  debug: boolean;
}

export interface CorsInput {
  allowed_origins: string[];
  allowed_methods?: string[] | undefined;
  allowed_headers?: string[] | undefined;
  exposed_headers?: string[] | undefined;
  allow_credentials?: boolean | undefined;
  max_age?: string | number | undefined;
  debug?: boolean | undefined;
}

export interface RouteConfig {
  name?: string | undefined;
  match: MatchConfig;
  rate_limit?: RateLimitConfig | undefined;
  cors?: CorsConfig | undefined;
  authentication?: { tokens: string[] } | undefined;
  /** Bytes. */
  max_body?: number | undefined;
  upstream: string;
}

export interface RouteInput {
  name?: string | undefined;
  match?: MatchInput | undefined;
  rate_limit?: RateLimitInput | undefined;
  cors?: CorsInput | undefined;
  authentication?: { tokens: string[] } | undefined;
  max_body?: string | number | undefined;
  upstream: string;
}

const REQUESTS = { min: 1, max: 1_000_000 };

const match = z.strictObject({
  host: oneOrMore(hostPattern).optional().meta({
    description: "Host or hosts, without case and port; `*.example.com` takes every subdomain at any depth, not `example.com` itself.",
  }),
  path: oneOrMore(pathPattern).optional().meta({
    description:
      "Path or paths: `/exact`, or `/prefix/*` for `/prefix` and everything below. Compared in a canonical form, so no other spelling of a path leads around a route.",
  }),
  methods: oneOrMore(listedMethod)
    .optional()
    .meta({ description: "Methods; `GET` admits `HEAD`, and with `cors` a preflight is taken by the method that it asks for." }),
  headers: z.record(fieldName, fieldValue).optional().meta({
    description: 'Fields that must be there with exactly this value; `"*"` stands for any value.',
  }),
});

export const rateLimitSchema: z.ZodType<RateLimitConfig, RateLimitInput> = exactly<RateLimitConfig, RateLimitInput>()(
  z
    .strictObject({
      requests_per_minute: wholeNumber(REQUESTS).optional().meta({
        description: "Requests that a client may make per minute in the long run. Give this or `requests_per_second`.",
      }),
      requests_per_second: wholeNumber(REQUESTS).optional().meta({ description: "The same per second." }),
      burst: wholeNumber(REQUESTS).optional().meta({
        description: "Requests that a client which was quiet may make at once. Default: the number of requests per minute or per second.",
      }),
      key: z
        .string()
        .regex(/^(?:client_ip|header:[!#$%&'*+.^_`|~0-9A-Za-z-]+)$/, { error: "expected client_ip or header:NAME" })
        .default("client_ip")
        .meta({
          title: "`client_ip` or `header:NAME`",
          description:
            "What is counted: the client's address (IPv6 by its /64), or the value of a field. With `header:NAME` a client that may send any value has as many allowances as it likes: name only a field that a trusted proxy sets, or one whose value `authentication` checks.",
        }),
    })
    .transform((given) => ({ ...given, burst: given.burst ?? given.requests_per_minute ?? given.requests_per_second ?? REQUESTS.min })),
);

const names = (item: z.ZodType<string, string>, standard: string[]) => z.array(item).prefault(standard);

export const corsSchema: z.ZodType<CorsConfig, CorsInput> = exactly<CorsConfig, CorsInput>()(
  z
    .strictObject({
      allowed_origins: z.array(corsOrigin).min(1, { error: 'expected at least one origin, or "*"' }).meta({
        description:
          'Origins whose pages may read answers: `https://app.example.com`, `https://*.example.com` for its subdomains, or `"*"` for every page. `"null"` stands for sandboxed and local pages of anybody.',
      }),
      allowed_methods: names(method, ["GET", "HEAD", "POST"]).meta({ description: 'Methods that a preflight allows; `"*"` for all.' }),
      allowed_headers: names(fieldName, []).meta({
        description: 'Request fields that a preflight allows; `"*"` for all but Authorization.',
      }),
      exposed_headers: names(fieldName, []).meta({ description: "Response fields that a page may read beside the harmless ones." }),
      allow_credentials: z.boolean().default(false).meta({
        description:
          'Whether pages may send cookies and credentials. Has no effect together with the origin `"*"`: every page could then act in the name of its visitors.',
      }),
      max_age: durationOrSeconds(WAIT_OR_ZERO).optional().meta({
        description: "Time that a browser may remember a preflight's answer; a bare number is seconds. When absent, browsers take 5 s.",
      }),
      debug: z.boolean().default(false).meta({ description: "Log why a preflight or an answer got no CORS fields." }),
    })
    .transform((given) => ({ ...given, allow_credentials: given.allow_credentials && !given.allowed_origins.includes("*") })),
);

/**
 * The token that a request must bring. Spaces inside are kept as they are; spaces around it would not arrive, because a receiver removes
 * them from a field's value (RFC 9110 section 5.5), and control characters cannot be sent.
 */
export const secret: z.ZodType<string, string> = z
  .string()
  .min(1, { error: "expected a token that is not empty" })
  .regex(/^(?:[^\s\p{Cc}]| )*$/u, {
    error: "expected a token without line ends, tabs and control characters",
    abort: true,
  })
  .regex(/^(?! ).*(?<! )$/u, { error: "expected a token without spaces around it" })
  .meta({ title: "secret" });

export const routeSchema: z.ZodType<RouteConfig, RouteInput> = exactly<RouteConfig, RouteInput>()(
  z.strictObject({
    name: nameOf("a name").optional().meta({ description: "Name in logs, metrics and `explain`. Default: the route's position, `#1`." }),
    match: match.prefault({}).meta({
      description:
        "Conditions that must all hold; none: everything. The first route in file order wins. `millrace check` warns about a route that is never reached because earlier ones take all its requests.",
    }),
    rate_limit: rateLimitSchema.optional().meta({
      description: "Requests per client, exact over all threads. Past it the answer is 429 with Retry-After. Absent: no limit.",
    }),
    cors: corsSchema.optional().meta({
      description:
        "Which pages of other sites may read answers. Preflights are answered by the proxy; the endpoint's own CORS fields are replaced.",
    }),
    authentication: z
      .strictObject({
        tokens: z.array(secret).min(1, { error: "expected at least one token" }).meta({
          description:
            "Tokens, one of which a request must bring as `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`. Spaces inside are allowed and compared, but many clients cannot send them with `Bearer`. Write `${NAME}` or `file:PATH` to keep them out of the file. Compared in constant time, never logged, never forwarded.",
        }),
      })
      .optional()
      .meta({ description: "Refuses requests without a token with 401. Absent: everybody is let in." }),
    max_body: size({ min: 0, max: Number.MAX_SAFE_INTEGER }).optional().meta({
      description: "Bytes of a request body. Larger ones are refused with 413. Absent: no limit; bodies are streamed, never held whole.",
    }),
    upstream: z.string().meta({ title: "name", description: "The upstream that requests go to, by its name in `upstreams`." }),
  }),
);
