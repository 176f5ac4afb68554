import { isMiddleware } from "./define-middleware.ts";
import type { AnyMiddleware } from "./define-middleware.ts";

/**
 * Finds a middleware among what a module exports. Throws an Error that says what to write.
 * @param name of the middleware, or of the export if no middleware has that name; "": the default export, or the only middleware
 */
export function exportedMiddleware(loaded: unknown, name: string): AnyMiddleware {
  const exported = typeof loaded === "object" && loaded !== null ? Object.entries(loaded) : [];
  const found = exported.filter((each): each is [string, AnyMiddleware] => isMiddleware(each[1]));
  const named = found.filter(([, { definition }]) => definition.name === name);
  const wanted = name === "" ? byKey(found, "default") : named.length > 0 ? named : byKey(found, name);
  const [only, ...others] = new Set((wanted.length > 0 || name !== "" ? wanted : found).map(([, middleware]) => middleware));
  const { name: ownName = "" } = only?.definition ?? {};
  // Worker threads find the middleware by its own name.
  const namesakes = new Set(found.flatMap(([, each]) => (each.definition.name === ownName ? [each] : [])));
  if (namesakes.size > 1) throw new Error(`it exports several middleware named ${ownName}: give each a name of its own`);
  if (only !== undefined && others.length === 0) return only;
  if (found.length === 0) throw new Error("it exports no middleware: export what defineMiddleware returns");
  const names = [...new Set(found.map(([, { definition }]) => definition.name))].join(", ");
  if (name !== "") throw new Error(`it exports no middleware named ${name}; it has ${names}`);
  throw new Error(`it exports several middleware: name one of them at the end, as in #${ownName}; it has ${names}`);
}

function byKey(found: readonly [string, AnyMiddleware][], key: string): readonly [string, AnyMiddleware][] {
  return found.filter(([each]) => each === key);
}
