/** Finds the names that types refer to. */

/** What is not part of a signature: bodies, initial values and defaults. The parser has the latter as the right side of a pattern. */
const HIDDEN: ReadonlySet<string> = new Set(["body", "init", "right", "decorators", "parent"]);

/** The names of types and values that these parts of a syntax tree refer to, each once, without the type parameters that they declare. */
export function referencesOf(parts: readonly unknown[]): readonly string[] {
  const found = new Set<string>();
  const parameters = new Set<string>();
  for (const part of parts) collect(part, found, parameters);
  return [...found].filter((name) => !parameters.has(name));
}

function collect(part: unknown, found: Set<string>, parameters: Set<string>): void {
  if (Array.isArray(part)) {
    for (const each of part) collect(each, found, parameters);
    return;
  }
  if (!isNode(part)) return;
  const name = referred(part);
  if (name !== null) found.add(name);
  if (part.type === "TSTypeParameter") parameters.add(nameIn(part["name"]) ?? "");
  // The name of the variable that runs over the keys: `{ [Key in keyof T]: ... }`.
  if (part.type === "TSMappedType") parameters.add(nameIn(part["key"]) ?? "");
  for (const [key, value] of Object.entries(part)) {
    if (HIDDEN.has(key) || (key === "value" && part.type.endsWith("PropertyDefinition")) || key === "key") continue;
    collect(value, found, parameters);
  }
}

/** The name that a node refers to by itself; of `node.Buffer` it is `node`. */
function referred(node: SyntaxNode): string | null {
  switch (node.type) {
    case "TSTypeReference":
      return nameIn(node["typeName"]);
    case "TSTypeQuery":
      return nameIn(node["exprName"]);
    case "TSInterfaceHeritage":
    case "TSClassImplements":
      return nameIn(node["expression"]);
    default:
      return null;
  }
}

interface SyntaxNode {
  readonly type: string;
  readonly [key: string]: unknown;
}

function isNode(part: unknown): part is SyntaxNode {
  return typeof part === "object" && part !== null && "type" in part && typeof part.type === "string";
}

/** The name of an identifier, or the first of a dotted one. */
function nameIn(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (!isNode(value)) return null;
  return value.type === "Identifier" ? nameIn(value["name"]) : nameIn(value["left"] ?? value["object"]);
}
