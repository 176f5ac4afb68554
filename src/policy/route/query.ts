/** Conditions on the query of a request: names and values are compared in decoded form, so no spelling of a query leads around a route. */

/** Decoded name and value; null: any value. */
export type QueryCondition = readonly [name: string, value: string | null];

/** Whether each condition holds for some parameter. A name without `=` has the value "". */
export function queryHolds(conditions: readonly QueryCondition[], target: string): boolean {
  const start = target.indexOf("?");
  if (start < 0) return false;
  const pairs = target
    .slice(start + 1)
    .split("&")
    .map(decodedPair);
  return conditions.every(([name, value]) => pairs.some((pair) => pair[0] === name && (value === null || pair[1] === value)));
}

function decodedPair(pair: string): readonly [name: string, value: string] {
  const equals = pair.indexOf("=");
  return equals < 0 ? [decoded(pair), ""] : [decoded(pair.slice(0, equals)), decoded(pair.slice(equals + 1))];
}

/** The text that `application/x-www-form-urlencoded` stands for (URL standard, section 5.1), by octets: latin1 text in and out. */
function decoded(text: string): string {
  if (!/[%+]/.test(text)) return text;
  return text.replaceAll("+", " ").replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** A name or value of the configuration, which is Unicode text, as the octets of its UTF-8. */
export function octetsOf(text: string): string {
  return text.replace(/[^\0-\x7f]/gu, (character) => decoded(encodeURIComponent(character.isWellFormed() ? character : "\ufffd")));
}
