/** What `rate_limit` and `token_limit` have in common: `key`, what a request counts under (proxy/feature/limit-key.ts), and the order of `roles`. */
import { z } from "zod";
import { warning } from "./finding.ts";
import type { Finding, KeyPath } from "./finding.ts";
import { oneOrMore } from "./scalars.ts";

const NAMES = "client_ip, user, api_key, path, route";

/** The output has at least one part. */
export const limitKeySchema: z.ZodDefault<ReturnType<typeof oneOrMore>> = keySchema("", "");

/**
 * With one more part.
 * @param description what it counts
 */
export function limitKeySchemaWith(part: string, description: string): typeof limitKeySchema {
  return keySchema(part, description);
}

function keySchema(part: string, description: string): z.ZodDefault<ReturnType<typeof oneOrMore>> {
  const more = part === "" ? "" : `, ${part}`;
  const pattern = new RegExp(
    `^(?:${`${NAMES}${more}`.replaceAll(", ", "|")}|claim:[^\\0-\\x20]+|(?:header|cookie):[!#$%&'*+.^_\`|~0-9A-Za-z-]+)$`,
  );
  return oneOrMore(z.string().regex(pattern, { error: `expected ${NAMES}${more}, header:NAME, cookie:NAME or claim:NAME` }))
    .default(["client_ip"])
    .meta({
      title: "text or list",
      description: `What is counted, one or several together: \`client_ip\`, the client's address (IPv6 by its /64); \`user\`, the user's name as \`authentication\` has found it; \`api_key\`, the id of the key of \`api_keys\`; \`claim:NAME\`, a claim of the client's token; \`path\`, in its canonical form; \`route\`, all requests of the route together; ${description === "" ? "" : `${description}; `}\`header:NAME\` and \`cookie:NAME\`, what the request brings. Where a request lacks it, the client's address counts. A client that may send any value has as many allowances as it likes: of fields name only one that a trusted proxy sets, or whose value \`authentication\` checks.`,
    });
}

/** A warning about the order of `roles`: in JavaScript objects, keys that are whole numbers come first. */
export function roleOrderFindings(roles: readonly (readonly [role: string, rate: unknown])[], path: KeyPath): Finding[] {
  if (roles.length < 2 || !roles.some(([role]) => /^(?:0|[1-9][0-9]{0,9})$/.test(role))) return [];
  return [
    warning(path, "roles that are whole numbers come before all others, by size: of several that a client has the first one decides"),
  ];
}
