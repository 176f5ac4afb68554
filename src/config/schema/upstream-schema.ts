/** The schema of an upstream: its endpoints, how one is chosen, how long each step may take. */
import { z } from "zod";
import { WAIT, duration, wholeNumber } from "../../values/scalars.ts";
import { endpointUrl } from "../../values/texts.ts";
import { featuresFor } from "./feature-keys.ts";
import { healthCheckSchema } from "./health-check-schema.ts";
import { upstreamTlsSchema } from "./tls/upstream-tls-schema.ts";

const endpoint = z
  .union([
    endpointUrl,
    z.strictObject({
      url: endpointUrl.meta({
        description:
          "`http://host:port` or `https://host:port`, the port 80 or 443 when left out; no path, query or user, those are the request's. Or `unix:/run/app.sock`, a Unix socket with an absolute path.",
      }),
      weight: wholeNumber({ min: 1, max: 1000 }).default(1).meta({
        description: "Share of the requests, in proportion to the weights of the others.",
      }),
    }),
  ])
  .transform((given) => (typeof given === "string" ? { url: given, weight: 1 } : given));

export const endpointsSchema = z.array(endpoint).min(1, { error: "expected at least one endpoint" });

const timeouts = z.strictObject({
  connect: duration(WAIT).prefault("5s").meta({
    description: "Time for a new connection, TLS handshake included. Past it another endpoint is tried, or the answer is 504.",
  }),
  response_head: duration(WAIT).prefault("60s").meta({
    description: "Time from the end of the request to the whole head of the response. Past it the answer is 504.",
  }),
  idle: duration(WAIT).prefault("60s").meta({
    description:
      "Longest time in which nothing passes of the response body and of a request body that is still on its way, or in which the endpoint takes nothing of the request. Past it the exchange is cut.",
  }),
  processing: duration(WAIT).prefault("1h").meta({
    description:
      "Each 102 (Processing) of an endpoint gives it `response_head` anew, up to this time after the first one. For operations that take long and say so, such as COPY of WebDAV. Past it the answer is 504.",
  }),
  tunnel_idle: duration(WAIT).prefault("1h").meta({
    description: "Time that a tunnel (WebSocket) may stand still in both directions before it is closed.",
  }),
});

const keepAlive = z.strictObject({
  idle: duration(WAIT).prefault("60s").meta({
    description:
      "Time that an idle connection to an endpoint is kept, or less where the endpoint announces less. Keep it below what endpoints allow.",
  }),
  max_idle: wholeNumber({ min: 0, max: 100_000 }).default(1024).meta({
    description:
      "Idle connections kept per endpoint and thread. With more requests at a time than that, connections are closed and opened again all the time; what is not needed goes after `idle`. 0 closes each after its response.",
  }),
  max_age: duration(WAIT).prefault("10m").meta({
    description:
      "Greatest age of a connection to an endpoint. An older one is closed after its exchange, so a name that leads elsewhere is followed however busy its connections are. Each goes up to a tenth of the time earlier, so that they do not all go at once.",
  }),
});

export const upstreamSchema = z.strictObject({
  endpoints: endpointsSchema.meta({
    description:
      "The servers of the group, each a URL, a Unix socket (`unix:/run/app.sock`) or `{ url, weight }`. Endpoints with `https` are verified, see `tls`. A host that is a name is looked up in `/etc/hosts`, then as `/etc/resolv.conf` says, and again every few seconds; the last addresses stay in use while it cannot be resolved. Several addresses of a name take turns.",
  }),
  balance: z.enum(["round_robin"]).default("round_robin").meta({
    description: "How an endpoint is chosen for a request: in turn, in proportion to the weights; each worker keeps a turn of its own.",
  }),
  health_check: healthCheckSchema.optional().meta({
    description:
      "Probes that take endpoints out and back in. When absent, nothing is probed and every endpoint gets requests. Only when connections to all endpoints of all upstreams have failed does the proxy connect to them by itself, to notice when one is back.",
  }),
  timeouts: timeouts.prefault({}).meta({ description: "Time limits for what endpoints do." }),
  keep_alive: keepAlive.prefault({}).meta({ description: "Connections that are kept open for the next request." }),
  retries: wholeNumber({ min: 0, max: 100 }).default(2).meta({
    description:
      "Further attempts on other endpoints, made only where a request is safe to send again: nothing of it was sent, or its method is idempotent and what was sent can be repeated.",
  }),
  tls: upstreamTlsSchema.prefault({}).meta({
    description: "How `https` endpoints are verified, and what is shown to them. See docs/tls-to-origins.md.",
  }),
  proxy_protocol: z.enum(["v1", "v2"]).optional().meta({
    description:
      "Each connection to an endpoint begins with a header of the PROXY protocol, of this version, that names the client; with `https`, before TLS. Such a connection serves that client's connection alone and ends with it, so there are as many as clients. Probes and requests of the proxy's own name no client (`UNKNOWN`, `LOCAL`). The endpoint must expect the header. See docs/proxy-protocol.md.",
  }),
  via: z.boolean().default(true).meta({
    description:
      "Whether requests name this proxy in `Via`, as RFC 9110 demands. nginx with default settings compresses nothing for requests with `Via` (see docs/forwarding.md). Without it, a loop of proxies through this upstream is not noticed.",
  }),
  x_forwarded: z.boolean().default(true).meta({
    description:
      "Whether requests carry `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`. Off for origins that are somebody else's: nothing is said of the client, and what trusted proxies have said of it, in `Forwarded` too, is dropped.",
  }),
  ...featuresFor("the routes that lead here"),
});
