/** Hides credentials in the requests that `millrace explain` shows, because people paste its output into tickets. */

/** Matches names of fields and query parameters whose values may be credentials. */
const PROVES = /auth|token|secret|passw|pwd|cookie|credential|session|signature|api[-_]?key|[-_]key$|^(?:sid|sig|key|code|pin|x-amz-.*)$/i;

/** A JSON web token in any field. */
const SIGNED = /^(?:Bearer )?[\w-]+\.[\w-]+\.[\w-]{20,}$/i;

/**
 * A field line, with its value hidden if it may be a credential.
 * @param compared lower-case names of the fields that routes compare with values of the configuration, which may be shared secrets
 */
export function shownFieldLine(line: string, compared: ReadonlySet<string>): string {
  const [, name = "", value = ""] = /^([^:\s]+):\s*(.*)$/s.exec(line) ?? [];
  if (name === "") return shownTarget(line);
  return SIGNED.test(value) || PROVES.test(name) || compared.has(name.toLowerCase())
    ? `${name}: (not shown)`
    : `${name}: ${shownTarget(value)}`;
}

/** A text in which credentials in URLs and request targets are hidden. */
export function shownTarget(text: string): string {
  return text
    .replace(/(:\/\/)[^/?#\s]*@/g, "$1(not shown)@")
    .replace(/([?&;])([^=&;\s#]+)=([^&;\s#]*)/g, (whole, before: string, name: string) =>
      PROVES.test(name) ? `${before}${name}=(not shown)` : whole,
    );
}

/** The environment for what `{env.NAME}` stands for: that a variable is there is shown, and its value is not, because many are secrets. */
export function hiddenValues(environment: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(environment).map(([name, value = ""]) => [name, value === "" ? "" : "(hidden)"]));
}
