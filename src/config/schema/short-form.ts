/**
 * The short form of a configuration, for one upstream. Its layout is that of the system that Millrace replaces, whose files run unchanged. It
 * has a schema of its own, so that problems name the keys that stand in the file. Once checked, it is expanded into the full form with one
 * listener, one upstream `default` and one route.
 */
import { z } from "zod";
import { DECLARED } from "../../features/declared.ts";
import { WAIT_OR_ZERO, durationOrSeconds, size } from "../../values/scalars.ts";
import { listenAddress, secret } from "../../values/texts.ts";
import { healthCheckSchema, shortHealthCheckSchema } from "./health-check-schema.ts";
import { HEAD_BYTES, listenerSchema } from "./listener-schema.ts";
import type { RouteConfig } from "./route-schema.ts";
import { processShape } from "./schema.ts";
import type { Config } from "./schema.ts";
import { endpointsSchema, upstreamSchema } from "./upstream-schema.ts";

/** The top-level keys that only the short form has, and their places in the full form. */
export const SHORT_FORM_PLACES: ReadonlyMap<string, string> = new Map([
  ["backends", "upstreams.NAME.endpoints"],
  ["server", "listeners[]"],
  ["rate_limit", "routes[].rate_limit"],
  ["cors", "routes[].cors"],
  ["authentication", "routes[].authentication"],
  ["health_check", "upstreams.NAME.health_check"],
]);
/** The top-level keys that only the full form has. */
export const FULL_FORM_KEYS: readonly string[] = ["listeners", "upstreams", "routes"];

/**
 * Whether a file with these top-level keys is in the short form: it has `backends`, or keys of the short form and none of the full form.
 */
export function isShortForm(keys: readonly string[]): boolean {
  if (keys.includes("backends")) return true;
  return keys.some((key) => SHORT_FORM_PLACES.has(key)) && !keys.some((key) => FULL_FORM_KEYS.includes(key));
}

const ZERO = "0: the default.";

const server = z.strictObject({
  address: listenAddress.default(":8080").meta({ description: "Where to listen, as `listeners[].address`." }),
  read_timeout: durationOrSeconds(WAIT_OR_ZERO)
    .optional()
    .meta({
      description: `Time for a request head, and between two reads of a request body: \`listeners[].timeouts.request_head\` and \`.idle\`. ${ZERO}`,
    }),
  write_timeout: durationOrSeconds(WAIT_OR_ZERO)
    .optional()
    .meta({
      description: `Time until a backend's response head is there: \`upstreams.NAME.timeouts.response_head\`. ${ZERO}`,
    }),
  idle_timeout: durationOrSeconds(WAIT_OR_ZERO)
    .optional()
    .meta({
      description: `Time that an idle connection waits for its next request: \`listeners[].timeouts.keep_alive\`. ${ZERO}`,
    }),
  max_header_bytes: size({ min: 0, max: HEAD_BYTES.max })
    .optional()
    .meta({
      description: `Bytes of a request head: \`listeners[].limits.head_bytes\`; at least ${HEAD_BYTES.min}. ${ZERO}`,
    }),
});

const authentication = z.strictObject({
  enabled: z.boolean().default(false).meta({ description: "Whether requests need the token. Off, everybody is let in." }),
  required_token: secret.optional().meta({
    description:
      "The token that a request must bring as `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`. Spaces inside are allowed and compared, but many clients cannot send them with `Bearer`. Keep it out of the file, and let it change while it is in use: see docs/secrets.md.",
  }),
});

export const shortSchema = z.strictObject({
  server: server.prefault({}).meta({ description: "The one listener." }),
  backends: endpointsSchema.meta({ description: "The endpoints of the one upstream, each a URL or `{ url, weight }`." }),
  rate_limit: DECLARED.rate_limit.schema.optional().meta({ description: "As `routes[].rate_limit`." }),
  cors: DECLARED.cors.schema.optional().meta({ description: "As `routes[].cors`." }),
  authentication: authentication.optional().meta({ description: "One token for everything." }),
  health_check: shortHealthCheckSchema.optional().meta({
    description: "As `upstreams.NAME.health_check`; a bare number is seconds. When absent, backends are probed by connecting.",
  }),
  ...processShape(true),
});

type ShortConfig = z.output<typeof shortSchema>;

/** The same configuration in the full form. What the short form leaves out gets the defaults of the full form. */
export function expandShortForm(short: ShortConfig): Config {
  const { server, backends, rate_limit, cors, authentication, health_check, ...process } = short;
  const listener = listenerSchema.parse({
    address: server.address,
    limits: { head_bytes: orDefault(server.max_header_bytes, HEAD_BYTES.min) },
  });
  const upstream = upstreamSchema.parse({ endpoints: backends });
  const { timeouts } = listener;
  const readTimeout = orDefault(server.read_timeout);
  const route: RouteConfig = { match: {}, upstream: "default" };
  if (rate_limit !== undefined) route.rate_limit = rate_limit;
  if (cors !== undefined) route.cors = cors;
  if (authentication?.enabled === true) route.authentication = { tokens: [authentication.required_token ?? ""], optional: false };
  return {
    ...process,
    listeners: [
      {
        ...listener,
        timeouts: {
          request_head: readTimeout ?? timeouts.request_head,
          idle: readTimeout ?? timeouts.idle,
          keep_alive: orDefault(server.idle_timeout) ?? timeouts.keep_alive,
          half_closed: timeouts.half_closed,
          handshake: timeouts.handshake,
          proxy_protocol: timeouts.proxy_protocol,
        },
      },
    ],
    stores: {},
    upstreams: {
      default: {
        ...upstream,
        timeouts: { ...upstream.timeouts, response_head: orDefault(server.write_timeout) ?? upstream.timeouts.response_head },
        health_check: health_check ?? healthCheckSchema.parse({}),
      },
    },
    routes: [route],
    status_path: "/status",
  };
}

/** The value, at least `min`; undefined for 0, which in files of the replaced system means the default and never "no limit". */
function orDefault(value: number | undefined, min: number = 1): number | undefined {
  return value === undefined || value === 0 ? undefined : Math.max(min, value);
}
