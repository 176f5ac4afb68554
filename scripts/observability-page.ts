/** Generates docs/observability.md (log keys, outcomes, events and metrics) from the lists that the program itself uses. */
import { Faults } from "../src/http1/faults.ts";
import { COUNTER_METRICS, EVENTS, FEATURE_METRICS, FEATURE_FACTS, METRICS } from "../src/observe/names.ts";
import * as answers from "../src/proxy/exchange/answers.ts";
import { FAILURES } from "../src/proxy/exchange/failure.ts";
import type { FeatureFacts } from "../src/values/feature-facts.ts";

/** The keys of an access log line in JSON, in order, with their meaning. */
export const ACCESS_FIELDS: Readonly<Record<string, string>> = {
  time: "When the request's first byte was read; RFC 3339, UTC, milliseconds.",
  level: "Always `info`.",
  event: "Always `access`.",
  client: "The client's address, by `trusted_proxies`.",
  method: "As received.",
  host: "In lower case, without port.",
  path: "As received, without the query, which may hold secrets.",
  status: "Status of the answer; 499: the client left before there was one.",
  bytes_received: "Bytes of the request, head included.",
  bytes_sent: "Bytes handed to the system for the client, head included.",
  duration_ms: "From the request's first byte to the last of its answer.",
  origin_head_ms: "To the end of the endpoint's response head; absent where there was none.",
  endpoint: "URL of the endpoint that answered or failed last; empty where there was none.",
  route: "The route's name, or its place in the file where it has none: `#1` is the first route.",
  attempts: "Endpoints, or connections to them, that were tried.",
  outcome: "How the request ended, see below.",
  worker: "The thread, from 0.",
  request_id: "The request's id; absent where it has none, see below.",
  trace_id: "The trace id of `traceparent`; absent where that field is missing or malformed.",
  user_agent: "The first 512 characters of `User-Agent`; absent where there is none.",
  referer:
    "`Referer` without query, fragment and credentials, which may be secrets; absent where there is none, or it is no URL and no path.",
};

/** The outcomes of exchanges that the proxy did not answer itself. */
const ENDS: Readonly<Record<string, string>> = {
  completed: "The endpoint's response was handed on to its end.",
  tunnel: "An upgraded connection was relayed and has ended.",
  tunnel_idle: "An upgraded connection stood still for `timeouts.tunnel_idle`.",
  client_gone: "The client closed its connection before the end.",
  client_reset: "The client reset its connection.",
  client_stalled: "The client took too little of its response (`limits.response_rate`).",
};

/** The outcomes of routes that answer without a feature. */
const ROUTES: Readonly<Record<string, string>> = {
  status: "200: the status page on a listener.",
};

/** The text of docs/observability.md. */
export function observabilityPage(): string {
  const own = Object.values(answers)
    .filter((value) => typeof value === "object")
    .map(({ reason, status, detail }) => [reason, `${status}${detail === "" ? "" : `: ${detail}`}`] as const);
  const ofRequests = Object.values(Faults).filter(({ status }) => status !== 502);
  const refused = ofRequests.map(({ code, status, detail }) => [code, `${status}: ${detail}`] as const);
  const failed = Object.entries(FAILURES).map(([kind, { status, proxyStatus, detail }]) => [
    kind,
    `${status}, \`Proxy-Status: ${proxyStatus}\`: ${detail}`,
  ]);
  return `# Logs, events and metrics

<!-- Made from the lists in src by \`npm run docs\`; a test compares both. -->

## The access log

Each request has one line. In JSON (\`logging.format: json\`, and without that key wherever the output is no terminal) it has these keys; the text format has the same values in the same order. Lines are ASCII:
other characters that a client sends are escaped.

${table("key", ACCESS_FIELDS)}

### Request ids

\`request_id\` gives each request an id that is the same everywhere in one exchange: in the field that goes to the upstream, in further attempts, in the response, in the access
log, in the proxy's own answers (the field, and \`request_id\` in the problem document) and as \`{request_id}\` in values.

\`\`\`yaml fragment
request_id: true                 # at the top for all requests, in an upstream, or in a route
\`\`\`

A new id is a UUID of version 7 (RFC 9562): it begins with the time in milliseconds, so ids sort by time. An id that a proxy of \`trusted_proxies\` sends is believed instead if it
is 1 to 128 letters, digits or characters of \`._~:/+=@-\` in one line of the field; \`trust: any\` believes everybody, \`trust: none\` nobody. From everybody else the field is replaced, so
that no client can choose an id. Responses carry the id too, since whoever reports a failure knows only what came back; \`response: false\` keeps it to the proxy's own answers.
Requests that are refused before a route is looked for (malformed ones, those whose method is not served) have none, and neither has the response that switches to WebSocket. A request whose
\`request_id\` is not configured has an id where \`{request_id}\` stands in some value, and that is logged too.

### Traces

\`traceparent\` and \`tracestate\` (W3C Trace Context) pass through as they are, malformed ones too: the proxy takes no part in a trace, and who does decides what to make of them. The trace
id is logged only if \`traceparent\` is there once and well-formed.

### Outcomes

${table("outcome", ENDS)}

An endpoint failed. The client got this status, unless the response had begun:

${table("outcome", Object.fromEntries(failed))}

The proxy itself answered the request:

${table("outcome", { ...Object.fromEntries(own), ...ofFeatures(({ outcomes }) => outcomes), ...ROUTES })}

The request was malformed or too large:

${table("outcome", Object.fromEntries(refused))}

## Events

The application log, \`"event"\` in JSON:

${table("event", { ...EVENTS, ...ofFeatures(({ events }) => events) })}

## Metrics

\`/metrics\` on the admin address, in Prometheus' text format. Counters of all workers are summed, and those of one that died are kept.

| metric | type | meaning |
|---|---|---|
${[...Object.values(METRICS), ...Object.values(COUNTER_METRICS), ...FEATURE_METRICS.values()].map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`).join("\n")}

## The other pages of the admin address

\`/healthz\` and \`/readyz\` answer everybody. \`/status\` and \`/metrics\` answer whoever names the address by IP address, \`localhost\` or a name of
\`admin.hosts\`, and never a page of another origin: 403. Where other machines can reach the address they ask for \`admin.token\`, once it is set: 401.
Prometheus sends it with \`authorization: { credentials_file: FILE }\` in its \`scrape_configs\`.

| path | answer |
|---|---|
| \`/healthz\` | 200 as long as the process answers |
| \`/readyz\` | 200, or 503 with a line for each reason: it starts, it drains, no worker serves, a listener is lost, or no endpoint of any upstream is of use: each is unhealthy, or has refused the last connection or probe |
| \`/status\` | JSON: \`status\` (\`ok\`: every endpoint is of use as far as is known; \`degraded\`: some are not; \`down\`: none, and \`/readyz\` says so too), \`version\`, \`uptime\` in seconds, and each endpoint's \`health\` and \`in_flight\`. \`health\` is \`unknown\` until a probe has passed or \`unhealthy_threshold\` probes have failed. Without a health check it is \`unknown\`, but \`unhealthy\` from a connection that failed to the next one that does not |
`;
}

function ofFeatures(names: (feature: FeatureFacts) => Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(FEATURE_FACTS.flatMap((feature) => Object.entries(names(feature))));
}

function table(key: string, rows: Readonly<Record<string, string>>): string {
  return `| ${key} | meaning |\n|---|---|\n${Object.entries(rows)
    .map(([name, meaning]) => `| \`${name}\` | ${meaning} |`)
    .join("\n")}`;
}
