/** The schema of `middleware`, at the top of a configuration and in a route: people's own middleware, by their modules. */
import { z } from "zod";
import { moduleName } from "../../values/texts.ts";

const entry = z.strictObject({
  use: moduleName.meta({
    title: "module",
    description:
      "The module that exports the middleware: a path that begins with `./`, `../` or `/`, relative to the configuration's folder, or the name of an installed package. `#NAME` at the end names one of several.",
  }),
  options: z.unknown().optional().meta({
    title: "anything",
    description: "The options, as the middleware describes them. Absent: `{}`.",
  }),
});

export const middlewareSchema = z.array(entry);

/** In a checked configuration `use` is what the threads load; see modules/module-address.ts. */
export type MiddlewareEntry = z.output<typeof entry>;
