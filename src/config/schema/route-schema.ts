/** The schema of a route: which requests it takes, what features it has, and which upstream they go to. */
import { z } from "zod";
import { certificateConditions } from "../../values/certificate-conditions.ts";
import { oneOrList, oneOrMore, size } from "../../values/scalars.ts";
import { fieldName, fieldValue, hostPattern, listedMethod, nameOf, pathPattern, trustedAddress } from "../../values/texts.ts";
import { attemptKeys } from "./attempts-schema.ts";
import { routeFeatures } from "./feature-keys.ts";
import { accessLogSchema } from "../access-log/access-log-schema.ts";
import { middlewareSchema } from "./middleware-schema.ts";
import { mirrorKey } from "./mirror-schema.ts";
import { splitKeys } from "./split-schema.ts";
import { upgradeKey } from "./upgrade-schema.ts";

/** The largest size of a `buffer`, in bytes. Larger bodies are better streamed: they would use up the memory for all. */
const BUFFER_BYTES_MAX = 64 * 1024 * 1024;

/** The conditions of an entry of `match`, and of `not`. */
const conditions = {
  host: oneOrMore(hostPattern).optional().meta({
    description: "Host or hosts, without case and port; `*.example.com` takes every subdomain at any depth, not `example.com` itself.",
  }),
  path: oneOrMore(pathPattern).optional().meta({
    description:
      "Path or paths: `/exact`, or `/prefix/*` for `/prefix` and everything below. Compared in a canonical form, so no other spelling of a path leads around a route.",
  }),
  path_regex: z.string().min(1, { error: "expected a regular expression" }).optional().meta({
    title: "regular expression",
    description:
      "A regular expression in the syntax of RE2 that matches some part of the path in its canonical form: begin it with `^` and end it with `$` to match the whole path. Matching takes time linear in the length of the path, whatever the pattern. Named groups, `(?<id>[0-9]+)`, become variables: `{match.id}`.",
  }),
  methods: oneOrMore(listedMethod)
    .optional()
    .meta({ description: "Methods; `GET` admits `HEAD`, and with `cors` a preflight is taken by the method that it asks for." }),
  headers: z.record(fieldName, fieldValue).optional().meta({
    description: 'Fields that must be there with exactly this value; `"*"` stands for any value.',
  }),
  query: z.record(nameOf("the name of a parameter"), z.string()).optional().meta({
    description:
      'Parameters of the query that must be there with exactly this value; `"*"` stands for any value. Names and values are compared in decoded form; where a name stands several times, one of its values is enough. Programs read queries in more ways than that (`;` between parameters, `a[]` for `a`, spaces around a name), so do not let authentication depend on a parameter alone.',
  }),
  client_ip: oneOrMore(trustedAddress).optional().meta({
    title: "address or block, or list",
    description: "Addresses and blocks, one of which the client's address must be in.",
  }),
  client_certificate: certificateConditions.optional().meta({
    description:
      "What must hold of the certificate that the client has shown and the proxy has verified (`tls.client_certificates` of the listener); `{}`: any. A client without one is not taken, so a route after this one must refuse those that may not pass. Only the certificate of the connection counts, whatever fields of a request say; behind a trusted proxy that is the certificate of this proxy.",
  }),
};
const entry = z.strictObject({
  ...conditions,
  not: oneOrList(z.strictObject(conditions), "exception").optional().meta({
    title: "conditions or list of conditions",
    description:
      "Conditions as in `match` itself. The route does not take a request for which all of them hold; of a list, all of one entry. Where `client_ip` stands here, it counts as holding for a client whose address is not known.",
  }),
});
const match = oneOrList(entry, "entry of conditions");

/** Sizes in bytes. 0 turns the direction off. */
const bufferSchema = z.strictObject({
  request: size({ min: 0, max: BUFFER_BYTES_MAX }).prefault(0).meta({
    description:
      "How much of a request's body is taken from the client before an endpoint is chosen. A body up to this size reaches the endpoint at once and whole, with `Content-Length` even if it came in chunks without trailers. A larger one is streamed: from the beginning if `Content-Length` says so, else from this size on. `limits.buffered_bytes` bounds all of them together.",
  }),
  response: size({ min: 0, max: BUFFER_BYTES_MAX }).prefault(0).meta({
    description:
      "How much of a response's body is taken from the endpoint although the client has not taken it yet, so that the connection to the endpoint is free while a slow client reads. The client waits for nothing: what it can take is sent at once. Server-sent events (`text/event-stream`) are never held. `limits.buffered_bytes` bounds all of them together.",
  }),
});

export const routeSchema = z.strictObject({
  name: nameOf("a name").optional().meta({ description: "Name in logs, metrics and `explain`. Default: the route's position, `#1`." }),
  match: match.prefault({}).meta({
    description:
      "Conditions that must all hold; without any, the route takes everything. A list has several entries of conditions, one of which is enough. The first route in file order wins. `millrace check` warns about a route that is never reached because earlier ones take all its requests.",
  }),
  ...routeFeatures(),
  middleware: middlewareSchema.optional().meta({
    description:
      "Middleware of one's own for this route, after that of the top-level `middleware`, in the order in which they act (docs/middleware.md).",
  }),
  access_log: accessLogSchema.optional().meta({
    description:
      "Whether the route's exchanges get lines in the access log, and what those hold; what it leaves out is as `logging.access` says.",
  }),
  max_body: size({ min: 0, max: Number.MAX_SAFE_INTEGER }).optional().meta({
    description:
      "Bytes of a request body. Larger ones are refused with 413. Absent: no limit. Bodies are streamed unless `buffer` holds them.",
  }),
  buffer: bufferSchema.optional().meta({
    description:
      "Holds bodies in memory, so that slow clients do not keep the workers of an origin server busy. Absent: bodies are streamed as they come.",
  }),
  ...attemptKeys,
  upstream: z.string().optional().meta({
    title: "name",
    description:
      "The upstream that requests go to, by its name in `upstreams`. A route has exactly one of `upstream`, `split`, `redirect`, `respond` and `files`.",
  }),
  ...splitKeys,
  ...upgradeKey,
  ...mirrorKey,
});

/** `max_body` is in bytes. A feature that has its key everywhere has a list here: from the top, of the upstream, the route's own. */
export type RouteConfig = z.output<typeof routeSchema>;
