import assert from "node:assert/strict";
import { test } from "node:test";
import { moduleFault, moduleFaultText } from "./module-fault.ts";

test("a module that Node takes for CommonJS: what to do about it", () => {
  const error = new SyntaxError("Cannot use import statement outside a module");
  assert.equal(
    moduleFaultText(error, "file:///app/", "file:///app/stamp.ts"),
    'SyntaxError: Cannot use import statement outside a module; name it .mts or .mjs, or put "type": "module" into package.json (stamp.ts)',
  );
});

test("a file whose name lacks its ending: what to write", async () => {
  const advice = async (name: string): Promise<string> => {
    const error: unknown = await import(new URL(name, import.meta.url).href).catch((reason: unknown) => reason);
    return moduleFault(error, "file:///a/millrace.config.ts").message;
  };
  assert.match(
    await advice("./ports"),
    /^Cannot find module '[^']*\/ports' imported from [^;]*; Node wants the name with its ending, such as \.ts$/,
  );
  assert.doesNotMatch(await advice("./none.ts"), /ending/);
});
