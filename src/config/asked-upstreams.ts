/** The upstreams of services that features ask at URLs: nobody has to name them. */
import { DECLARED } from "../features/declared.ts";
import type { FeatureDeclaration } from "../values/declaration.ts";
import type { Config } from "./schema/schema.ts";
import { upstreamSchema } from "./schema/upstream-schema.ts";

const declarations: readonly (readonly [key: string, declaration: FeatureDeclaration])[] = Object.entries(DECLARED);

/** One upstream for each endpoint, under its URL as name, which no upstream of a file can have. */
export function askedUpstreams(routes: Config["routes"]): Config["upstreams"] {
  const urls = declarations.flatMap(([key, { asked }]) =>
    asked === undefined
      ? []
      : routes.map((route): unknown => Reflect.get(route, key)).flatMap((value) => (value === undefined ? [] : asked(value as never))),
  );
  return Object.fromEntries([...new Set(urls)].map((url) => [url, upstreamSchema.parse({ endpoints: [url] })]));
}
