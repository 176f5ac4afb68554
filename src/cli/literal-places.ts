/**
 * Finds where in a module the values of the configuration stand that it exports. A value that stands there literally, in the export itself or in a
 * constant of the module, gets its own place. One that is computed gets that of the top-level key which it belongs to.
 */
import module from "node:module";
import { parse } from "acorn";
import type { ArrayExpression, CallExpression, Expression, ObjectExpression, Program, Property, SpreadElement } from "acorn";
import type { Located, LocatedList, LocatedMap, Place } from "../config/document/document.ts";

/** Constants that name constants, and calls within calls, are followed so far. */
const STEPS_MAX = 16;

/**
 * The same tree with places.
 * @param text of the module, which has been evaluated, so that it is free of errors
 */
export function withLiteralPlaces(root: LocatedMap, text: string, isTypeScript: boolean): LocatedMap {
  const program = parsed(text, isTypeScript);
  if (program === null) return root;
  const scope = new Scope(program);
  const exported = scope.resolved(exportIn(program));
  if (exported === null) return root;
  const at = placeOf(exported);
  if (exported.type !== "ObjectExpression") return new Walk(scope, { ...at, computed: true }).placedMap(root, null);
  const entries = new Map(
    [...root.entries].map(([key, { value }]) => {
      const property = propertyOf(exported, key);
      const keyAt = property === null ? { ...at, computed: true } : placeOf(property.key);
      return [key, { keyAt, value: new Walk(scope, { ...keyAt, computed: true }).placed(value, property?.value ?? null) }] as const;
    }),
  );
  return { ...root, at, entries };
}

/** Gives places to what belongs to one top-level key. */
class Walk {
  private readonly scope: Scope;
  private readonly fallback: Place;

  /** @param fallback the place of what is computed */
  constructor(scope: Scope, fallback: Place) {
    this.scope = scope;
    this.fallback = fallback;
  }

  placed(value: Located, written: Expression | null): Located {
    const node = this.scope.resolved(written);
    if (value.kind === "list") return this.placedList(value, node?.type === "ArrayExpression" ? node : null);
    if (value.kind === "map") {
      return node?.type === "CallExpression" ? this.placedMiddleware(value, node) : this.placedMap(value, asObject(node));
    }
    return { ...value, at: node !== null && isLiteral(node, value.value) ? placeOf(node) : this.fallback };
  }

  placedMap(map: LocatedMap, node: ObjectExpression | null): LocatedMap {
    const entries = [...map.entries].map(([key, { value }]) => {
      const property = node === null ? null : propertyOf(node, key);
      return [
        key,
        { keyAt: property === null ? this.fallback : placeOf(property.key), value: this.placed(value, property?.value ?? null) },
      ] as const;
    });
    return { ...map, at: node === null ? this.fallback : placeOf(node), entries: new Map(entries) };
  }

  private placedList(list: LocatedList, node: ArrayExpression | null): LocatedList {
    const items = list.items.map((item, index) => this.placed(item, node === null ? null : elementOf(node, index, list.items.length)));
    return { ...list, at: node === null ? this.fallback : placeOf(node), items };
  }

  /** A middleware that is called with its options, which has become `{ use, options }`. */
  private placedMiddleware(entry: LocatedMap, { callee, arguments: [options] }: CallExpression): LocatedMap {
    const entries = [...entry.entries].map(([key, { value }]) => {
      const given = key === "options" && options !== undefined && options.type !== "SpreadElement" ? options : null;
      const at = callee.type === "Super" ? this.fallback : placeOf(callee);
      return [key, { keyAt: at, value: key === "use" ? { ...value, at } : this.placed(value, given) }] as const;
    });
    return { ...entry, at: placeOf(callee), entries: new Map(entries) };
  }
}

/** The constants of a module. */
class Scope {
  private readonly constants: Map<string, Expression> = new Map();

  constructor({ body }: Program) {
    for (const statement of body) {
      const declared = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
      if (declared?.type !== "VariableDeclaration" || declared.kind !== "const") continue;
      for (const { id, init } of declared.declarations) if (id.type === "Identifier" && init) this.constants.set(id.name, init);
    }
  }

  /** What an expression stands for: the value of a constant, or the argument of `defineConfig` and of functions that freeze objects. */
  resolved(written: Expression | null): Expression | null {
    let node = written;
    for (let step = 0; node !== null && step < STEPS_MAX; step++) {
      if (node.type === "Identifier" && this.constants.has(node.name)) node = this.constants.get(node.name) ?? null;
      else if (node.type === "CallExpression" && isIdentity(node)) node = argumentOf(node);
      else return node;
    }
    return null;
  }
}

function isIdentity({ callee }: CallExpression): boolean {
  if (callee.type === "Identifier") return callee.name === "defineConfig";
  return (
    callee.type === "MemberExpression" &&
    callee.object.type === "Identifier" &&
    callee.object.name === "Object" &&
    callee.property.type === "Identifier" &&
    callee.property.name === "freeze"
  );
}

function argumentOf({ arguments: [argument] }: CallExpression): Expression | null {
  return argument === undefined || argument.type === "SpreadElement" ? null : argument;
}

/** The expression of the default export, or of `module.exports`. */
function exportIn({ body }: Program): Expression | null {
  for (const statement of body) {
    if (statement.type === "ExportDefaultDeclaration") {
      const { declaration } = statement;
      return declaration.type === "FunctionDeclaration" || declaration.type === "ClassDeclaration" ? null : declaration;
    }
    if (statement.type === "ExportNamedDeclaration") {
      const named = statement.specifiers.find(({ exported }) => exported.type === "Identifier" && exported.name === "default");
      if (named?.local.type === "Identifier") return named.local;
    }
    const assigned = statement.type === "ExpressionStatement" ? statement.expression : null;
    if (assigned?.type === "AssignmentExpression" && assigned.left.type === "MemberExpression") {
      const { object, property } = assigned.left;
      const isExports = object.type === "Identifier" && object.name === "module" && property.type === "Identifier";
      if (isExports && property.name === "exports") return assigned.right;
    }
  }
  return null;
}

/** The property that gives an object its value of a key; null when that is not sure, because of a spread after it or a computed key. */
function propertyOf({ properties }: ObjectExpression, key: string): Property | null {
  for (const property of properties.toReversed()) {
    if (property.type === "SpreadElement" || property.computed) return null;
    const name = property.key.type === "Identifier" ? property.key.name : property.key.type === "Literal" ? String(property.key.value) : "";
    if (name === key) return property.kind === "init" ? property : null;
  }
  return null;
}

/** The element at `index` of a list that came to have `length` items; null for those that were spread into it, and for all between two spreads. */
function elementOf({ elements }: ArrayExpression, index: number, length: number): Expression | null {
  const isSpread = (element: Expression | SpreadElement | null): boolean => element?.type === "SpreadElement";
  const first = elements.findIndex(isSpread);
  const fromEnd = elements.length - (length - index);
  const position = first < 0 || index < first ? index : fromEnd > elements.findLastIndex(isSpread) ? fromEnd : -1;
  const element = elements[position] ?? null;
  return element === null || element.type === "SpreadElement" ? null : element;
}

function asObject(node: Expression | null): ObjectExpression | null {
  return node?.type === "ObjectExpression" ? node : null;
}

function isLiteral(node: Expression, value: string | number | boolean | null): boolean {
  if (node.type === "Literal") return node.value === value;
  if (node.type === "TemplateLiteral") return node.expressions.length === 0 && node.quasis[0]?.value.cooked === value;
  return (
    node.type === "UnaryExpression" && node.operator === "-" && node.argument.type === "Literal" && node.argument.value === -Number(value)
  );
}

function placeOf({ loc }: Pick<Expression, "loc">): Place {
  return { line: loc?.start.line ?? 1, column: (loc?.start.column ?? 0) + 1 };
}

function parsed(text: string, isTypeScript: boolean): Program | null {
  try {
    const code = isTypeScript ? withoutTypes(text) : text;
    return parse(code, { ecmaVersion: "latest", sourceType: "module", locations: true, allowReturnOutsideFunction: true });
  } catch {
    return null;
  }
}

/** The text with spaces in the place of types. Node warns that this may change, which the writer of a configuration can do nothing about. */
function withoutTypes(text: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return module.stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = emitWarning;
  }
}
