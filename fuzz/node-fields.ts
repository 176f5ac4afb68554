/** `name: value` lines of Node's flat list of names and values. */
export function pairsOf(raw: readonly string[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) lines.push(`${raw[at] ?? ""}: ${raw[at + 1] ?? ""}`);
  return lines;
}
