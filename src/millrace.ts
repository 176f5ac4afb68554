/** What a configuration in TypeScript imports: `import { defineConfig } from "millrace"`. */
import type { ConfigInput } from "./config/schema.ts";

export type { Config, ConfigInput } from "./config/schema.ts";

/** Returns what it is given: the editor then knows the keys, and the compiler checks them. Values are checked when the file is loaded. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
