import { isMiddleware } from "./define-middleware.ts";
import type { AnyMiddleware } from "./define-middleware.ts";

/**
 * Finds a middleware among what a module exports. Throws an Error that says what to write.
 * @param name of the middleware or of the export; "": the default export, or the only middleware
 */
export function exportedMiddleware(loaded: unknown, name: string): AnyMiddleware {
  const exported = typeof loaded === "object" && loaded !== null ? Object.entries(loaded) : [];
  const found = exported.filter((each): each is [string, AnyMiddleware] => isMiddleware(each[1]));
  const wanted = found.filter(([key, { definition }]) => (name === "" ? key === "default" : key === name || definition.name === name));
  const [only, ...others] = new Set((wanted.length > 0 || name !== "" ? wanted : found).map(([, middleware]) => middleware));
  if (only !== undefined && others.length === 0) return only;
  if (found.length === 0) throw new Error("it exports no middleware: write export default defineMiddleware({...})");
  const names = [...new Set(found.map(([, { definition }]) => definition.name))].join(", ");
  if (name !== "")
    throw new Error(`it exports ${others.length > 0 ? "several middleware" : "no middleware"} named ${name}; it has ${names}`);
  throw new Error(
    `it exports several middleware: name one of them at the end, as in #${found[0]?.[1].definition.name ?? ""}; it has ${names}`,
  );
}
