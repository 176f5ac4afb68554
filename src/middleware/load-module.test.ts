import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { MiddlewareModules, loadFrom } from "./load-module.ts";
import { moduleFolder, moduleWith } from "./module-folder.fixture.ts";

/** Runs code in a thread that is prepared for middleware. Gives what it said, its error and its exit code. */
async function inThread(code: string): Promise<{ said: readonly unknown[]; fault: unknown; exit: unknown; printed: string }> {
  const at = JSON.stringify(new URL("./load-module.ts", import.meta.url).href);
  const text = `import { parentPort } from "node:worker_threads"; import { prepareThread } from ${at}; prepareThread(); ${code}`;
  const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(text)}`), { stderr: true });
  const said: unknown[] = [];
  let [fault, printed] = [null as unknown, ""];
  thread.on("message", (each) => said.push(each));
  thread.on("error", (error) => (fault = error));
  thread.stderr.on("data", (data) => (printed += String(data)));
  const exit = await new Promise((resolve) => thread.once("exit", resolve));
  return { said, fault, exit, printed };
}

test("a middleware cannot end its thread by process.exit", async () => {
  const { said, exit } = await inThread("try { process.exit(3); } catch (error) { parentPort.postMessage(error.message); }");
  assert.deepEqual([said, exit], [["process.exit was called: a middleware cannot end its worker"], 0]);
});

test("an error that nobody catches ends the thread as ever", async () => {
  const { fault, exit, printed } = await inThread(
    'process.on("uncaughtException", (error) => { throw error; }); setInterval(() => {}, 1000); setTimeout(() => { throw new Error("own"); });',
  );
  assert.ok(fault instanceof Error);
  assert.deepEqual([fault.message, printed], ["own", ""]);
  assert.notEqual(exit, 0);
});

test("the middleware of a module on a stack is known by the module, in whatever version", async (t) => {
  const folder = moduleFolder(t, {
    "plain.mjs": moduleWith("plain").replace('from "millrace"', `from "${new URL("../millrace.ts", import.meta.url).href}"`),
  });
  const modules = new MiddlewareModules();
  const { middleware, options } = await modules.load({ use: `${folder.url}plain.mjs?millrace=1#plain`, options: { a: 1 } });
  assert.deepEqual([middleware.definition.name, options], ["plain", { a: 1 }]);
  assert.equal(modules.nameIn(["file:///other.mjs", `${folder.url}plain.mjs?millrace=2`]), "plain");
  assert.equal(modules.nameIn(["file:///other.mjs"]), null);
  await assert.rejects(modules.load({ use: `${folder.url}missing.mjs#x` }), /^Error: the module cannot be loaded: .*missing\.mjs/);
});

test("a module that Node takes for CommonJS, in the main thread of somebody's program: what to do about it", async (t) => {
  const folder = moduleFolder(t, { "package.json": '{ "type": "commonjs" }', "stamp.js": 'import "node:path";\n' });
  await assert.rejects(
    loadFrom(folder.url, { use: "./stamp.js", options: {} }),
    /Cannot use import statement outside a module; name it \.mts or \.mjs, or put "type": "module" into package\.json$/,
  );
});
