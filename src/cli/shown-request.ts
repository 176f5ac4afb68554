/** What of a request may stand in an explanation, which people paste into tickets: not what proves who they are. */

/** Parts of names of fields and parameters whose values prove something. */
const PROVES = /auth|token|secret|passw|pwd|cookie|credential|session|signature|api[-_]?key|^(?:sid|sig|key|code|pin|x-amz-.*)$/i;

/** A field line; `compared` are the fields that routes compare with values of their own, in lower case. */
export function shownFieldLine(line: string, compared: ReadonlySet<string>): string {
  const [, name = "", value = ""] = /^([^:\s]+):\s*(.*)$/s.exec(line) ?? [];
  if (name === "") return shownTarget(line);
  return PROVES.test(name) || compared.has(name.toLowerCase()) ? `${name}: (not shown)` : `${name}: ${shownTarget(value)}`;
}

/** A URL or request target, as it stands or inside a text. */
export function shownTarget(text: string): string {
  return text
    .replace(/(:\/\/)[^/?#\s]*@/g, "$1(not shown)@")
    .replace(/([?&;])([^=&;\s#]+)=([^&;\s#]*)/g, (whole, before: string, name: string) =>
      PROVES.test(name) ? `${before}${name}=(not shown)` : whole,
    );
}
