/** Which request fields a response depends on, and whether two requests agree in them (RFC 9111 section 4.1). */

/** Fields that the proxy writes itself, so that what a client has sent in them says nothing. */
const OF_PROXY: ReadonlySet<string> = new Set(["forwarded", "x-forwarded-for", "x-forwarded-port", "x-real-ip", "x-request-id", "via"]);

/** The names of Vary in lower case, sorted, each once; `"*"`: it depends on anything, or on what the proxy tells the upstream of the client. */
export function variedBy(values: readonly string[]): readonly string[] | "*" {
  const names = new Set<string>();
  for (const member of values.flatMap((value) => value.split(","))) {
    const name = member.trim().toLowerCase();
    if (name === "*" || OF_PROXY.has(name)) return "*";
    if (name !== "") names.add(name);
  }
  return [...names].sort();
}

/**
 * A text that is equal for two requests that a response may be used for alike: the values of those fields, with all lines as one list, without white space around members.
 * Accept-Encoding and Accept-Language, whose members have no order of their own beside their weights, are compared by what they ask for.
 * @param valuesOf gives the values of the lines with a name in lower case
 */
export function variantKey(names: readonly string[], valuesOf: (name: string) => readonly string[]): string {
  return names
    .map((name) => {
      const values = valuesOf(name);
      if (values.length === 0) return `${name}\n`;
      const members = values.flatMap((value) => value.split(",")).map((member) => member.trim().replace(/[ \t]*;[ \t]*/g, ";"));
      const compared = WEIGHTED.has(name)
        ? members
            .filter((member) => member !== "")
            .map((member) => member.toLowerCase())
            .sort()
        : members;
      return `${name}:${compared.join(",")}\n`;
    })
    .join("");
}

const WEIGHTED: ReadonlySet<string> = new Set(["accept-encoding", "accept-language"]);
