/**
 * Conditions on the query of a request. Names and values are compared in decoded form, so no escape leads around a route. Origin servers differ in more
 * than that (`;` as a separator, `a[]` for `a`, spaces around a name), and unlike those of a path (normalize-path.ts) such readings are not
 * compared: honest queries hold all of these characters.
 */

/** Decoded name and value; null: any value. */
export type QueryCondition = readonly [name: string, value: string | null];

/**
 * Reads queries for the conditions of many routes. The query that was read last is kept: a request may meet thousands of conditions, and reading
 * a long query for each of them would take seconds.
 */
export class QueryReader {
  private target: string | null = null;
  /** The values of each parameter of `target`, decoded. A name without `=` has the value "". */
  private parameters: ReadonlyMap<string, ReadonlySet<string>> = new Map();

  /** Whether each condition holds for some parameter. */
  holds(conditions: readonly QueryCondition[], target: string): boolean {
    if (target !== this.target) {
      this.parameters = parametersOf(target);
      this.target = target;
    }
    for (const [name, value] of conditions) {
      const values = this.parameters.get(name);
      if (values === undefined || (value !== null && !values.has(value))) return false;
    }
    return true;
  }
}

function parametersOf(target: string): ReadonlyMap<string, ReadonlySet<string>> {
  const parameters = new Map<string, Set<string>>();
  const start = target.indexOf("?");
  if (start < 0) return parameters;
  for (const pair of target.slice(start + 1).split("&")) {
    const [name, value] = decodedPair(pair);
    const values = parameters.get(name);
    if (values === undefined) parameters.set(name, new Set([value]));
    else values.add(value);
  }
  return parameters;
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
