/** The schema of a listener: where connections come in, and the limits for clients. */
import { z } from "zod";
import { WAIT, duration, size, wholeNumber } from "../../values/scalars.ts";
import type { Range } from "../../values/scalars.ts";
import { listenAddress, trustedAddress } from "../../values/texts.ts";
import { listenerTlsSchema } from "./tls/listener-tls-schema.ts";

/** Each connection holds one head in memory. The maximum of 1 MiB is that of the system that Millrace replaces. */
export const HEAD_BYTES: Range = { min: 512, max: 1024 ** 2 };
const REQUEST_LINE_BYTES = 8 * 1024;
/** The most listeners of a configuration. The tables in shared memory have room for no more (shared/worker-table.ts). */
export const LISTENERS_MAX = 64;

const timeouts = z.strictObject({
  request_head: duration(WAIT).prefault("30s").meta({
    description:
      "Time for a whole request head, counted from its first byte (for the first request, from the start of the connection). It limits the whole head, so a client cannot hold a connection by sending a byte now and then (Slowloris). Past it the answer is 408; a connection on which no byte came is closed without an answer.",
  }),
  idle: duration(WAIT).prefault("60s").meta({
    description:
      "Longest pause in a request body; once the response has begun, longest time in which nothing passes in either direction. It is also the span over which `response_rate` is measured. Past it the connection is closed, so that a client that stops reading does not hold memory for ever.",
  }),
  keep_alive: duration(WAIT).prefault("75s").meta({
    description: "Time that an idle connection waits for its next request. Longer saves handshakes, shorter frees connections.",
  }),
  half_closed: duration(WAIT).prefault("5s").meta({
    description:
      "A client that has ended its side of the connection counts as gone when no byte of its response comes for this time: the exchange with the endpoint is ended, and the log says `client_gone`. A response that flows is served to its end. A longer time serves clients that end their side and then wait for a slow response.",
  }),
  handshake: duration(WAIT).prefault("10s").meta({
    description:
      "Time for a whole TLS handshake, from the start of the connection. Past it the connection is closed. Clients on bad networks need some seconds; more only helps who holds connections on purpose.",
  }),
  proxy_protocol: duration(WAIT).prefault("5s").meta({
    description:
      "Time for the whole header of the PROXY protocol, from the start of the connection, on listeners with `proxy_protocol`. Load balancers send it at once. Past it the connection is closed.",
  }),
});

const proxyProtocol = z.strictObject({
  from: z.array(trustedAddress).min(1, { error: "expected at least one address or block" }).meta({
    description:
      "Addresses and blocks of the load balancers that send the header. A connection from anybody else is closed, and so is one without a right header. On a Unix socket every peer counts as 127.0.0.1.",
  }),
});

const limits = z
  .strictObject({
    head_bytes: size(HEAD_BYTES).prefault("32KiB").meta({
      description: "Bytes of a request head, request line included. Larger ones are refused with 431. Bounds the memory of a connection.",
    }),
    headers: wholeNumber({ min: 1, max: 10_000 }).default(128).meta({
      description: "Field lines of a head or of a trailer section. More are refused with 431. Bounds the work that one head can cause.",
    }),
    request_line: size(HEAD_BYTES).optional().meta({
      description:
        "Bytes of the request line. Longer ones are refused with 414. Default: 8KiB, or `head_bytes` where that is less; RFC 9112 asks for at least 8000.",
    }),
    connections: wholeNumber({ min: 1, max: 1_000_000 }).default(100_000).meta({
      description:
        "Connections that are open at once on this listener, over all threads. Further ones are closed at once, and the log says so once a minute. Bounds memory and open files.",
    }),
    connections_per_client: wholeNumber({ min: 1, max: 1_000_000 }).default(4096).meta({
      description:
        "Connections that one client has open at once on this listener, over all threads: by its address, IPv6 by its /64. Further ones are closed at once, so one client cannot take all of `connections`, and the log names it once a minute. Addresses of `trusted_proxies` have no such limit: they speak for many.",
    }),
    requests_per_connection: wholeNumber({ min: 1, max: 1_000_000_000 }).default(100_000).meta({
      description:
        "Requests on one connection; the answer to the last carries `Connection: close`. Lets long-lived clients spread anew over workers and instances.",
    }),
    pipelined_requests: wholeNumber({ min: 1, max: 10_000 }).default(100).meta({
      description:
        "Requests that may wait on a connection because the client sent them before earlier ones were answered. The connection ends after the answer that reaches the limit. Bounds the work that one packet can cause.",
    }),
    handshakes: wholeNumber({ min: 1, max: 1_000_000 }).default(4096).meta({
      description:
        "TLS handshakes that may be under way at once in each thread, and a quarter of that for one client that is no trusted proxy; further connections are closed. They cost the most work of all that a stranger can ask for, and about 45 KB each. The default is enough for tens of thousands of new clients a second.",
    }),
    body_rate: size({ min: 0, max: 1024 ** 3 })
      .prefault(240)
      .meta({
        description:
          "Bytes per second that a request body must keep up after a grace of 5 s; 0 switches it off. Slower ones are refused with 408: `idle` alone would let a client send one byte a minute. It is not measured while a response flows, because in a dialogue each side may wait for the other.",
      }),
    response_rate: size({ min: 0, max: 1024 ** 3 })
      .prefault(240)
      .meta({
        description:
          "Bytes per second that a client must take of a response that waits for it, over each span of `idle`; 0 asks only for some progress. The system tells what was taken in steps of up to a megabyte, so a client behind a large buffer must be quicker with a short `idle`. Slower ones are cut: a client that reads a byte now and then would hold its connection and the endpoint's for ever.",
      }),
  })
  .transform(({ request_line, ...rest }) => ({ ...rest, request_line: request_line ?? Math.min(REQUEST_LINE_BYTES, rest.head_bytes) }));

export const listenerSchema = z.strictObject({
  address: listenAddress.meta({
    description:
      "Where to listen: `host:port`, `:port` or `*:port` for all addresses of the machine, `[::1]:8080`, `unix:/run/millrace.sock` with an absolute path, or `fd:3` for a socket that the parent process opened. `localhost` is 127.0.0.1 and ::1, because clients use either. Port 0 takes a free one. Who may connect to a Unix socket is what the umask of the process leaves.",
  }),
  unsafe_field_names: z.enum(["drop", "refuse", "forward"]).default("drop").meta({
    description:
      "What happens to request fields whose names hold anything but letters, digits and hyphens. Many origin servers turn other characters into hyphens, so `X_Forwarded_For` could pass for `X-Forwarded-For`. `refuse` answers 400. A name that would turn into one that matters to the proxy is dropped even with `forward`.",
  }),
  forwarded_path_fields: z.enum(["drop", "forward"]).default("drop").meta({
    description:
      "What happens to `X-Forwarded-Prefix`, `X-Forwarded-Method`, `X-Forwarded-Uri`, `X-Original-URL` and `X-Rewrite-URL` of clients that are not in `trusted_proxies`. In these a proxy says what was asked for before it rewrote something, and some frameworks then route by the field and not by the path: with `forward` any client can lead them around the routes that guard a path.",
  }),
  proxy_protocol: proxyProtocol.optional().meta({
    description:
      "The load balancers in front speak the PROXY protocol, version 1 or 2: each connection begins with a header that names the client. The address in it counts as the connection's other end, for `trusted_proxies`, limits, access and the log. When absent, no header is expected, and one that comes is refused as a malformed request. See docs/proxy-protocol.md.",
  }),
  redirect_to_https: z.boolean().default(false).meta({
    description:
      "Whether every request on this plain listener is answered with a redirect (308) to the same URL with `https`, on the port of the first listener with TLS, else on 443. Challenges of certificate authorities (`acme`) are answered first. Requests that a trusted proxy has received by `https` go to the routes.",
  }),
  timeouts: timeouts.prefault({}).meta({ description: "Time limits for what clients do." }),
  limits: limits.prefault({}).meta({ description: "Limits for what one client can cost." }),
  tls: listenerTlsSchema.optional().meta({ description: "TLS on this listener (HTTPS). Absent: plain HTTP. See docs/tls.md." }),
});

/** Durations in milliseconds, sizes in bytes, rates in bytes per second; 0 switches a rate off. */
export type ListenerConfig = z.output<typeof listenerSchema>;

/** What happens to request fields with names that some origin servers take for other names. */
export type UnsafeFieldNames = ListenerConfig["unsafe_field_names"];

/** What happens to the fields of `Known.forwardedPath` of a sender that is no trusted proxy. */
export type ForwardedPathFields = ListenerConfig["forwarded_path_fields"];
