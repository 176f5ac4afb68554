/** Generates docs/observability.md (log keys, outcomes, events and metrics) from the lists that the program itself uses. */
import { FURTHER_FIELDS, LINE_VARIABLES, NAMED_TEMPLATES, STANDARD_FIELDS } from "../src/config/access-log/access-fields.ts";
import { Faults } from "../src/http1/faults.ts";
import { COUNTER_METRICS, EVENTS, FEATURE_METRICS, FEATURE_FACTS, METRICS } from "../src/observe/names.ts";
import * as answers from "../src/proxy/exchange/answers.ts";
import { FAILURES } from "../src/proxy/exchange/failure.ts";
import type { FeatureFacts } from "../src/values/feature-facts.ts";

/** The keys of an access log line in JSON, in order, with their meaning. */
export const ACCESS_FIELDS: Readonly<Record<string, string>> = {
  time: LINE_VARIABLES.time,
  level: "Always `info`.",
  event: "Always `access`.",
  ...STANDARD_FIELDS,
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
  redirect_to_https: "308: answered by the listener's `redirect_to_https`.",
  acme_challenge: "200: the answer to a challenge by which a certificate authority checks a name.",
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

### Choosing what a line holds

\`logging.access\` is \`true\`, \`false\`, or says what lines hold; \`access_log\` of a route says the same for the exchanges of that route, and leaves to \`logging.access\` what it does not say.

\`\`\`yaml fragment
logging:
  access:
    omit: [referer, worker]
    request_headers: [X-Tenant]
    response_headers: [Content-Type, Cache-Control]
routes:
  - match: { path: /health }
    access_log: false
    upstream: app
  - match: { path: /assets/* }
    access_log: { sample: { share: 1%, errors: true } }    # one in a hundred, and all that failed
    upstream: app
  - upstream: app
\`\`\`

\`fields\` names what lines hold besides \`time\`, \`level\` and \`event\`: \`standard\` for the keys above, single ones, or these, which no line has without being asked for:

${table("key", FURTHER_FIELDS)}

The order of the keys is fixed. \`request_headers\` and \`response_headers\` add fields of heads by name. In JSON they are objects with names in lower case
(\`"request_headers":{"x-tenant":"alpha"}\`), in text \`request_headers.x-tenant=alpha\`; what a message does not have is left out, and the first 512 characters of a value are kept.
Of a request they show what the client sent, of a response what the client gets: the origin's fields, with those that the configuration sets. What the proxy itself writes into its own answers (\`Date\`, \`Content-Type\`,
\`Content-Length\`) is not among them.

No credential gets into the log, not even by request: \`Authorization\`, \`Cookie\`, \`Set-Cookie\`, \`X-Api-Key\` and every field in whose name a word such as \`token\`, \`secret\`, \`key\`, \`session\` or
\`signature\` stands are refused when the configuration is read, in \`request_headers\` as in \`{header.NAME}\`; so are \`{cookie.NAME}\` and \`{query.NAME}\` of such names. \`query\` and \`{uri}\` are the whole
query: whoever asks for them gets what clients put there.

\`sample: 10%\` logs that share of the exchanges, chosen at random. With \`{ share: 10%, errors: true }\` all are logged that were answered with 500 to 599, or whose response was cut because an
endpoint failed. Metrics count all exchanges in any case.

### Lines of one's own

\`template\` spells the line. It may hold the keys above, the variables of [variables.md](variables.md), \`{response_header.NAME}\`, and

${table("variable", Object.fromEntries(Object.entries(LINE_VARIABLES).map(([name, meaning]) => [`{${name}}`, meaning])))}

\`\`\`yaml fragment
logging:
  access:
    template: '{time} {client} "{method} {path}" {status} {duration_ms}ms "{user_agent}" {header.X-Tenant}'
\`\`\`

What is missing is \`-\`. Control characters, quotes, backslashes and everything beyond ASCII are escaped (\`\\x1b\`), and so are spaces outside of quotes: no client can begin a column, a line or a terminal's
command. Two formats that other programs read have a name:

${Object.entries(NAMED_TEMPLATES)
  .map(([name, text]) => `- \`template: ${name}\`: \`${text}\``)
  .join("\n")}

They have the path where others have the path with the query, and the bytes of the whole response. A template is for the text format, which is the default where there is one; with \`format: json\` it is an error.

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
${[...new Set([...Object.values(METRICS), ...Object.values(COUNTER_METRICS), ...FEATURE_METRICS.values()].map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`))].join("\n")}

## The other pages of the admin address

\`/healthz\` and \`/readyz\` answer everybody. \`/status\` and \`/metrics\` answer whoever names the address by IP address, \`localhost\` or a name of
\`admin.hosts\`, and never a page of another origin: 403. Where other machines can reach the address they ask for \`admin.token\`, once it is set: 401. With
\`admin.tls.client_certificates\` they need a certificate as well: 403 without one, where it is \`optional\`.
Prometheus sends it with \`authorization: { credentials_file: FILE }\` in its \`scrape_configs\`.

| path | answer |
|---|---|
| \`/healthz\` | 200 as long as the process answers |
| \`/readyz\` | 200, or 503 with a line for each reason: it starts, it drains, no worker serves, a listener is lost, or no endpoint of any upstream is of use: each is unhealthy, or has refused the last connection or probe |
| \`/status\` | JSON: \`status\` (\`ok\`: every endpoint is of use as far as is known; \`degraded\`: some are not; \`down\`: none, and \`/readyz\` says so too), \`version\`, \`uptime\` in seconds, and each endpoint's \`health\` and \`in_flight\`; \`verify: false\` at an upstream whose \`https\` endpoints need not prove who they are; \`stores\` by name, each with \`up\`, \`since\` when, and the \`problem\` it has. \`health\` is \`unknown\` until a probe has passed or \`unhealthy_threshold\` probes have failed. Without a health check it is \`unknown\`, but \`unhealthy\` from a connection that failed to the next one that does not |
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
