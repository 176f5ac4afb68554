/** Reads and takes away parameters of a query, as servers read forms (application/x-www-form-urlencoded): names and values may be percent-encoded. */

/** The values of the parameters of that name, as latin1 text: one character per octet. */
export function parameterValues(target: string, name: string): string[] {
  return pairsOf(target).flatMap((pair) => (nameIn(pair) === name ? [decoded(pair.slice(nameEnd(pair) + 1))] : []));
}

/**
 * The values of all parameters whose name some program may take for that one, which is in lower case: also with `;` between parameters, in another case, with spaces and
 * control characters around the name, and as `name[]` or `name[0]`.
 */
export function looseValues(target: string, name: string): string[] {
  return pairsOf(target.replaceAll(";", "&")).flatMap((pair) =>
    looseName(nameIn(pair)) === name ? [decoded(pair.slice(nameEnd(pair) + 1))] : [],
  );
}

function looseName(name: string): string {
  let end = name.indexOf("[");
  if (end < 0) end = name.length;
  let start = 0;
  while (start < end && name.charCodeAt(start) <= 0x20) start++;
  while (end > start && name.charCodeAt(end - 1) <= 0x20) end--;
  return name.slice(start, end).toLowerCase();
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
