/** Reads and takes away parameters of a query, as servers read forms (application/x-www-form-urlencoded): names and values may be percent-encoded. */

/** The values of the parameters of that name, as latin1 text: one character per octet. */
export function parameterValues(target: string, name: string): string[] {
  return pairsOf(target).flatMap((pair) => (nameIn(pair) === name ? [decoded(pair.slice(nameEnd(pair) + 1))] : []));
}

/** The target without the parameters of that name. What is left keeps its spelling. */
export function withoutParameter(target: string, name: string): string {
  const pairs = pairsOf(target);
  const kept = pairs.filter((pair) => nameIn(pair) !== name);
  if (kept.length === pairs.length) return target;
  const path = target.slice(0, target.indexOf("?"));
  return kept.length === 0 ? path : `${path}?${kept.join("&")}`;
}

function pairsOf(target: string): readonly string[] {
  const start = target.indexOf("?");
  return start < 0 ? [] : target.slice(start + 1).split("&");
}

function nameIn(pair: string): string {
  return decoded(pair.slice(0, nameEnd(pair)));
}

function nameEnd(pair: string): number {
  const equals = pair.indexOf("=");
  return equals < 0 ? pair.length : equals;
}

function decoded(text: string): string {
  return text.replaceAll("+", " ").replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
