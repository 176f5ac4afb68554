/** Reads claims of a token (RFC 7519 section 4). */

/** The value of a claim. A dot leads into an object: `realm_access.roles`; a claim whose own name has dots, as many are URLs, comes first. */
export function claimOf(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split(".")) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

/**
 * The members of a claim as texts: those of an array, or the words of a text that is a space-separated list, as `scope` is (RFC 8693 section 4.2). Numbers and
 * truth values are written as in JSON. Everything else has no members. A member of an array is one as it stands: the group "Helpdesk Admins" is not "Admins".
 */
export function membersOf(claims: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  const value = claimOf(claims, name);
  if (typeof value !== "string" || !value.includes(" ")) return memberTexts(claims, name);
  return [value, ...value.split(" ").filter((word) => word !== "")];
}

/** As {@link membersOf}, with texts as they are. */
export function memberTexts(claims: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  const value = claimOf(claims, name);
  return (Array.isArray(value) ? value : [value]).flatMap((member: unknown) => textsOf(member));
}

function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return value === "" ? [] : [value];
  return typeof value === "number" || typeof value === "boolean" ? [JSON.stringify(value)] : [];
}
