/** A page of docs/recipes/ as a running proxy: its configuration as it stands there, in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testProxy } from "../../src/testing/test-proxy.ts";
import type { OriginFunction, TestProxy, TestProxyOptions } from "../../src/testing/test-proxy.ts";
import { blocksOf, fileOf } from "./page-blocks.ts";
import type { Block } from "./page-blocks.ts";
import { runConsole } from "./page-console.ts";

export interface Recipe {
  readonly blocks: readonly Block[];
  /** The configuration that the page shows as `# millrace.yaml`. */
  readonly config: string;
  /** Starts the configuration for a test. */
  start(t: TestContext, options?: TestProxyOptions): Promise<TestProxy>;
}

/** Reads the page, and tests that what it shows of `curl` is what the proxy answers. */
export function recipe(name: string, options: TestProxyOptions): Recipe {
  const blocks = blocksOf(`docs/recipes/${name}.md`);
  const config = blocks.find((block) => fileOf(block) === "millrace.yaml")?.text ?? assert.fail(`${name} has no millrace.yaml`);
  // Middleware lies beside the reader's configuration, and here among the examples.
  const here = config.replaceAll("use: ./", "use: ./examples/middleware/");
  const start = async (t: TestContext, more: TestProxyOptions = {}): Promise<TestProxy> => {
    const proxy = await testProxy(here, { ...options, ...more });
    t.after(() => proxy.close());
    return proxy;
  };
  const consoles = blocks.filter(({ language }) => language === "console");
  if (consoles.length > 0) {
    test(`docs/recipes/${name}.md shows what curl prints`, async (t) => {
      const proxy = await start(t);
      for (const block of consoles) await runConsole(proxy, block);
    });
  }
  return { blocks, config, start };
}

/** An application that says its name and what it was asked for. */
export function says(name: string): OriginFunction {
  return ({ method, url }) => {
    const { pathname, search } = new URL(url);
    return new Response(`${name} got ${method} ${pathname}${search}\n`);
  };
}
