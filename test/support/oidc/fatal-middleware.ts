/** A middleware that never gives its thread back: the supervisor ends the worker, and starts another one. */
import { defineMiddleware } from "../../../src/millrace.ts";

export const fatal = defineMiddleware({
  name: "fatal",
  setup: () => ({
    onRequest: () => {
      for (;;);
    },
  }),
});
