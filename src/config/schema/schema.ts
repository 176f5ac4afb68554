/**
 * The schema of a configuration. Defaults, checks, types, JSON Schema and the reference page (docs/configuration.md) all come from the
 * schemas in this file, in the files beside it and in features/NAME/schema.ts. The types of what people write, with texts for editors, are in
 * input.ts, which `npm run docs` makes from the schemas too.
 *
 * Keys are snake_case everywhere. In a checked configuration durations are milliseconds and sizes are bytes.
 */
import { z } from "zod";
import { WAIT_OR_ZERO, duration, oneOrMore, size, wholeNumber } from "../../values/scalars.ts";
import { adminAddress, adminHost, filePath, nameOf, secret, trustedAddress } from "../../values/texts.ts";
import { defaultsSchema } from "./defaults-schema.ts";
import { featuresFor } from "./feature-keys.ts";
import { LISTENERS_MAX, listenerSchema } from "./listener-schema.ts";
import { loggingSchema } from "./logging-schema.ts";
import { middlewareSchema } from "./middleware-schema.ts";
import { routeSchema } from "./route-schema.ts";
import { storeSchema } from "./stores-schema.ts";
import { adminTlsSchema } from "./tls/admin-tls-schema.ts";
import { upstreamSchema } from "./upstream-schema.ts";

const wait = duration(WAIT_OR_ZERO).prefault("10s").meta({ description: "Time that `require_healthy` waits." });

/** @param requireHealthy the default, which differs between the two forms */
const startup = (requireHealthy: boolean) =>
  z.strictObject({
    require_healthy: z.boolean().default(requireHealthy).meta({
      description:
        "Whether each upstream needs a healthy endpoint (without a health check: one that can be reached) before connections are accepted. If one has none in time, the process ends with exit code 2 and says why for each endpoint.",
    }),
    wait,
  });

const process = {
  workers: z
    .union([z.literal("auto"), wholeNumber({ min: 1, max: 256 })], { error: "expected a whole number from 1 to 256 or auto" })
    .default("auto")
    .meta({
      title: "whole number or `auto`",
      description: "Data-plane threads, 1 to 256; `auto`: as many as the machine runs at once. A reload cannot change it.",
    }),
  trusted_proxies: z.array(trustedAddress).default([]).meta({
    description:
      "Addresses and blocks of the proxies in front of this one. `X-Forwarded-For` is believed and appended to only when it comes from one of these. From everybody else it is replaced, because a client can write into it what it likes. The log names such a client once in a while: it may be a proxy that is missing here.",
  }),
  client_address_from: z.enum(["x_forwarded_for", "forwarded"]).default("x_forwarded_for").meta({
    description:
      "Which field the `trusted_proxies` write: `X-Forwarded-For`, or `Forwarded` (RFC 7239). Only that one is believed, and the other is replaced even when a trusted proxy sends it: a proxy passes on what it does not know, so the client may have written it.",
  }),
  limits: z
    .strictObject({
      buffered_bytes: size({ min: 0, max: 1024 ** 3 })
        .prefault("64MiB")
        .meta({
          description:
            "Memory for bodies that are held, in all workers together: by `buffer`, by `retry.replay`, and for middleware that collects them. When it is used up, bodies are streamed as without `buffer`, and middleware gets no body; `millrace_buffers_refused_total` counts that, and `millrace_buffered_bytes` shows what is in use. The default is enough for 64 bodies of 1 MiB, or a thousand of 64 KiB.",
        }),
    })
    .prefault({})
    .meta({ description: "Limits for all workers together." }),
  middleware: middlewareSchema.default([]).meta({
    description:
      "Middleware of one's own for all routes, in the order in which they act: after the checks of the proxy (`cors`, `rate_limit`, `authentication`) and before the upstream (docs/middleware.md).",
  }),
  admin: z
    .strictObject({
      address: adminAddress.meta({
        description:
          "`host:port` of `/healthz`, `/readyz`, `/status` and `/metrics`. `/healthz` and `/readyz` answer everybody. The others name endpoints: keep the address on loopback, or set `token`. A reload may move it.",
      }),
      token: secret.optional().meta({
        description:
          "Token for `/status` and `/metrics`, sent as `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`. Asked for where other machines can reach `address`; on loopback nobody needs it. Keep it out of the file, and let it change while it is in use: see docs/secrets.md. Absent: everybody who reaches the address may read them.",
      }),
      tls: adminTlsSchema.optional().meta({
        description:
          "TLS for this address, and certificates of whoever uses it. A reload changes files and rules; to switch TLS on or off, or to begin to ask for certificates, it must move the address as well. Absent: plain HTTP.",
      }),
      hosts: z.array(adminHost).default([]).meta({
        description:
          "Names that `Host` of a request to this address may hold, without port. IP addresses and `localhost` are always allowed. A request with another name gets 403, because a foreign web page could reach the address that way (DNS rebinding).",
      }),
    })
    .optional()
    .meta({ description: "The address for whoever operates the proxy; off when absent." }),
  secrets: z
    .strictObject({
      folder: filePath.optional().meta({
        description:
          "The folder in which `credential:NAME` looks for the file of that name. Absent: the one that systemd names in `$CREDENTIALS_DIRECTORY`, else `/run/secrets`.",
      }),
    })
    .prefault({})
    .meta({ description: "Where secrets lie. A secret itself may be written in several ways, see docs/secrets.md." }),
  logging: loggingSchema.prefault({}).meta({ description: "The application log and the access log, which share one output." }),
  shutdown: z
    .strictObject({
      timeout: duration(WAIT_OR_ZERO).prefault("30s").meta({
        description:
          "Time that exchanges in flight get after SIGTERM or SIGINT, and those of a listener that a reload removes; then they are cut.",
      }),
      delay: duration(WAIT_OR_ZERO).prefault("0s").meta({
        description:
          "Time after SIGTERM or SIGINT in which connections are still accepted and served while `/readyz` answers 503, so that a balancer in front notices before a connection is refused. Only then `timeout` begins. A second signal ends the process at once.",
      }),
    })
    .prefault({})
    .meta({ description: "How the process ends." }),
};

/** The keys about the process as a whole, which both forms have. */
// oxlint-disable-next-line typescript/explicit-module-boundary-types -- the types come from the schemas
export function processShape(requireHealthy: boolean) {
  return {
    ...process,
    startup: startup(requireHealthy).prefault({}).meta({ description: "What must hold before connections are accepted." }),
  };
}

/** The schema of a file in the full form. */
export const configSchema = z.strictObject({
  listeners: z.array(listenerSchema).min(1, { error: "expected at least one listener" }).meta({
    // Checked in cross-checks.ts, so that too many are reported together with what is wrong in each. This is for the JSON Schema.
    maxItems: LISTENERS_MAX,
    description:
      "Where connections come in, at up to 64 addresses. A reload adds and removes listeners: a listener is known by its `address`, and one that keeps it keeps its connections. A removed listener accepts nothing more, and the exchanges on its connections have `shutdown.timeout` to end; until then it counts among the 64. See docs/reload.md.",
  }),
  upstreams: z.record(nameOf("a name"), upstreamSchema).default({}).meta({
    description: "Groups of endpoints by name; routes refer to them. Routes that answer themselves, by `redirect` or `respond`, need none.",
  }),
  stores: z.record(nameOf("a name"), storeSchema).default({}).meta({
    description:
      "Stores by name that several machines share; the limits of routes refer to them (`rate_limit.store`). See docs/limits.md. A reload keeps the connections of a store that it does not change.",
  }),
  routes: z.array(routeSchema).min(1, { error: "expected at least one route" }).meta({
    description:
      "Which requests go where: the first route in the order of the file that takes a request wins. When none takes it, the answer is 404.",
  }),
  ...featuresFor("all routes"),
  include: oneOrMore(filePath).optional().meta({
    title: "path or list of paths",
    description:
      "Further files with upstreams and routes, such as `conf.d/*.yaml`. A path is relative to the file that says it; `*` and `?` stand for a part of a name. What a pattern matches is taken in the order of the names. The routes of an included file come after those of the file that includes it.",
  }),
  defaults: defaultsSchema.optional().meta({
    description:
      "Values for the keys that a route or an upstream does not state, in included files too. A key is taken as a whole: what a route states, it states alone. `false` takes a key out.",
  }),
  ...processShape(false),
});

/** A checked configuration: plain data with every default filled in, durations in milliseconds, sizes in bytes. */
export interface Config extends Omit<z.output<typeof configSchema>, "include" | "defaults"> {
  /** Path at which listeners answer the status document themselves: `/status` in the short form, else null. Not a key of the file. */
  status_path: string | null;
  /** Settings for the requests that a program hands to the proxy within it. Absent: it hands over none. Not a key of the file. */
  host?: z.output<typeof listenerSchema>;
}
