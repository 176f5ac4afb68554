/**
 * Makes "millrace" and "millrace/testing" lead to src/ in this process, so that the tests of the examples import them as users do, and need no
 * build. Import it before them: `node --import ./test/support/own-name.ts --test examples/middleware/header-stamp.test.ts`.
 */
import module from "node:module";
import { resolveOwnName } from "../../src/modules/module-hooks.ts";

const TESTING = new URL("../../src/testing/test-proxy.ts", import.meta.url).href;

resolveOwnName();
module.registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "millrace/testing" ? { url: TESTING, shortCircuit: true } : next(specifier, context),
});
