/** What a configuration in TypeScript imports: `import { defineConfig } from "millrace"`. */
import type { ConfigInput } from "./config/schema.ts";
import type { ShortConfigInput } from "./config/short-form.ts";

export type { Config, ConfigInput } from "./config/schema.ts";
export type { ShortConfigInput } from "./config/short-form.ts";

/** Returns what it is given: the editor then knows the keys, and the compiler checks them. Values are checked when the file is loaded. */
export function defineConfig(config: ConfigInput | ShortConfigInput): ConfigInput | ShortConfigInput {
  return config;
}
