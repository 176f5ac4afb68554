/** The key `forward` of `authentication`: its schema and checks. */
import { z } from "zod";
import { TOKEN } from "../../http/syntax.ts";
import { copiedNames, isAlsoOfClients } from "../../policy/authentication/copied-fields.ts";
import type { CopiedField } from "../../policy/authentication/copied-fields.ts";
import { whyRefused } from "../../policy/headers/refused-names.ts";
import { editedField } from "../../values/field-edits.ts";
import { at, entriesOf, error, listOf } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { duration } from "../../values/scalars.ts";
import { fieldTemplate } from "../../values/templates.ts";
import { endpointUrl, fieldName, requestTarget } from "../../values/texts.ts";

/** The fields in which the service is told what the client has asked for. The proxy alone writes them. */
export const ASKED_FIELDS = ["X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri", "X-Forwarded-For"] as const;

/** Fields by which services recognise a client: without them in the key of the cache, one client would be let in by another one's answer. */
const CREDENTIALS = ["authorization", "cookie"];

/** What a service needs to recognise a client, and to decide between a page and a bare 401. */
const SENT_BY_DEFAULT = ["Authorization", "Cookie", "Accept", "User-Agent", "X-Requested-With"];

/** Parts of a URL of a service: the endpoint, and path and query. */
const SERVICE_URL = /^(https?:\/\/[^/?#]+)(\/[^#]*)?$/i;

const serviceUrl = z
  .string()
  .superRefine((url, context) => {
    const [, endpoint = "", target = "/"] = SERVICE_URL.exec(url) ?? [];
    if (endpointUrl.safeParse(endpoint).success && requestTarget.safeParse(target).success) return;
    const message =
      "expected the URL of the service, such as http://127.0.0.1:9091/api/authz/forward-auth, without user, password and fragment";
    context.addIssue({ code: "custom", message });
  })
  .meta({ title: "URL" });

const sentField = z
  .string()
  .superRefine((name, context) => {
    const isAsked = ASKED_FIELDS.some((each) => each.toLowerCase() === name.toLowerCase());
    const why = isAsked ? "the proxy writes it itself" : TOKEN.test(name) ? whyRefused("request", "remove", name) : null;
    if (!TOKEN.test(name)) context.addIssue({ code: "custom", message: "expected a field name such as Cookie" });
    else if (why !== null) context.addIssue({ code: "custom", message: `the field ${name} of clients is not sent to the service: ${why}` });
  })
  .meta({ title: "field name" });

const cacheSchema = z.strictObject({
  for: duration({ min: 1, max: 10 * 60_000 }).meta({
    description:
      "How long an answer that lets a client in is used again, at most 10 minutes. So long can a client go on that has logged out, or may no longer.",
  }),
  key: z.array(fieldName).min(1).optional().meta({
    description:
      "Fields that must be equal for an answer to be used again: of those that are sent, and of `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For`. `Authorization` and `Cookie` must be among them where they are sent. Without `X-Forwarded-Uri` an answer for one path lets in to all paths of the route. Absent: everything that the service gets.",
  }),
});

export const forwardSchema = z
  .strictObject({
    url: serviceUrl.optional().meta({
      description:
        "The service that is asked, with path and query: `http://127.0.0.1:9091/api/authz/forward-auth`. Or `upstream` and `path`.",
    }),
    upstream: z.string().optional().meta({
      title: "name",
      description:
        "The upstream that is asked, by its name in `upstreams`, instead of `url`: for several endpoints, or TLS with an authority of one's own.",
    }),
    path: requestTarget.optional().meta({ description: "Path and query for `upstream`. Default: `/`." }),
    send: z
      .union([z.literal("all"), z.array(sentField)])
      .default([...SENT_BY_DEFAULT])
      .meta({
        title: "list of field names, or `all`",
        description:
          "Fields of the client's request that the service gets. `all`: those that would be forwarded, but none about the body, a part of the answer or a condition (`Range`, `If-None-Match`).",
      }),
    set: z.record(editedField("request", "write"), fieldTemplate).default({}).meta({
      title: "mapping of texts with variables",
      description:
        'Further fields for the service, in the place of the client\'s: `{ X-Original-URL: "{scheme}://{host}{uri}" }`. One without text is not sent.',
    }),
    copy: z
      .union([z.array(editedField("request", "write")), z.record(editedField("request", "write"), fieldName)])
      .default([])
      .transform((given) =>
        Array.isArray(given)
          ? given.map((name): CopiedField => ({ name, from: name }))
          : Object.entries(given).map(([name, from]): CopiedField => ({ name, from })),
      )
      .meta({
        title: "list of field names, or mapping of them",
        description:
          "Fields of the answer that the upstream gets, such as `Remote-User`; a mapping gives them other names: `{ X-User: X-Auth-Request-User }`. One that the answer lacks, the upstream gets from nobody: these fields are taken out of every client's request, as those of `identity_headers`. `Authorization` and `Cookie` are replaced on this route only, and taken out for clients whom another method lets in, but for a token of `jwt.forward`.",
      }),
    copy_response: z.array(editedField("response", "write")).default([]).meta({
      description:
        "Fields of an answer that lets in, which the client's response gets too, such as `Set-Cookie` of services that renew their cookie. `Set-Cookie` is added, others are replaced. An answer with one of them is not kept by `cache`.",
    }),
    user: fieldName.optional().meta({ description: "The field of the answer with the user's name, in UTF-8. Absent: the user has none." }),
    roles: fieldName.optional().meta({ description: "The field of the answer with the user's roles, with commas between them." }),
    timeout: duration({ min: 1, max: 9000 }).prefault("5s").meta({
      description: "Time for the whole answer, at most 9 seconds. Past it the client gets 503.",
    }),
    cache: cacheSchema.optional().meta({
      description:
        "Whether answers that let clients in are used again for a short time, in each thread. Kept is a keyed hash of what was sent. Absent: the service is asked each time.",
    }),
  })
  .transform(({ url, upstream, path, ...given }) => {
    const [, endpoint = "", target = "/"] = SERVICE_URL.exec(url ?? "") ?? [];
    // The upstream of a URL is named after its endpoint; no other upstream can have such a name.
    return url === undefined ? { ...given, upstream: upstream ?? "", target: path ?? "/" } : { ...given, upstream: endpoint, target };
  });

export type ForwardConfig = z.output<typeof forwardSchema>;

/** @param forward as it is in the file */
export function forwardFindings(forward: unknown, path: KeyPath): Finding[] {
  if (entriesOf(forward).length === 0) return [];
  const findings: Finding[] = [];
  const [url, upstream] = [at(forward, "url"), at(forward, "upstream")];
  if (url === undefined && upstream === undefined) findings.push(error(path, "expected url or upstream: which service is asked?", true));
  if (url !== undefined && upstream !== undefined) findings.push(error([...path, "upstream"], "the service is named by url already", true));
  if (url !== undefined && at(forward, "path") !== undefined)
    findings.push(error([...path, "path"], "the path belongs into url here", true));
  const sent = at(forward, "send") ?? SENT_BY_DEFAULT;
  const sentNames = new Set(lowerNames(sent));
  const copied = copiedNames(at(forward, "copy"));
  for (const [index, name] of copied.entries()) {
    const place: KeyPath = Array.isArray(at(forward, "copy")) ? [...path, "copy", index] : [...path, "copy"];
    if (copied.indexOf(name) < index) findings.push(error(place, "the field stands there already: case does not matter"));
    if (sentNames.has(name) && !isAlsoOfClients(name))
      findings.push(
        error(place, "it stands in send too: as a field of copy it is taken out of every client's request, so there is nothing to send"),
      );
  }
  const set = entriesOf(at(forward, "set")).map(([name]) => name.toLowerCase());
  findings.push(
    ...keyFindings(at(at(forward, "cache"), "key"), sent === "all" ? null : new Set([...sentNames, ...set]), [...path, "cache", "key"]),
  );
  return findings;
}

/** @param sent the fields that the service gets of those that a client may choose, in lower case; null: all */
function keyFindings(key: unknown, sent: ReadonlySet<string> | null, path: KeyPath): Finding[] {
  if (!Array.isArray(key)) return [];
  const names = lowerNames(key);
  const asked = new Set<string>(ASKED_FIELDS.map((name) => name.toLowerCase()));
  const strangers = names.flatMap((name, index) =>
    sent === null || sent.has(name) || asked.has(name) ? [] : [error([...path, index], "the service does not get this field")],
  );
  const missing = CREDENTIALS.filter((name) => (sent === null || sent.has(name)) && !names.includes(name));
  return missing.length === 0
    ? strangers
    : [...strangers, error(path, `${missing.join(" and ")} must be in it: else one client would be let in by the answer for another one`)];
}

function lowerNames(list: unknown): string[] {
  return listOf(list).flatMap((name) => (typeof name === "string" ? [name.toLowerCase()] : []));
}
