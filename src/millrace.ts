/** What a configuration in TypeScript imports: `import { defineConfig } from "millrace"`. */
import type { ConfigInput, ShortConfigInput } from "./config/input.ts";

export type { ConfigInput, ShortConfigInput } from "./config/input.ts";
export type { Config } from "./config/schema.ts";

/** Constant or not: a configuration is only read. */
type Constant<T> = T extends object ? { readonly [Key in keyof T]: Constant<T[Key]> } : T;

/** One form without the keys that only the other one has. */
type Only<Form, Other> = Constant<Form> & { readonly [Key in Exclude<keyof Other, keyof Form>]?: never };

/** A configuration in one of its two forms. */
export type DefinedConfig = Only<ConfigInput, ShortConfigInput> | Only<ShortConfigInput, ConfigInput>;

/** Returns what it is given: the editor then knows the keys, and the compiler checks them. Values are checked when the file is loaded. */
export function defineConfig(config: DefinedConfig): DefinedConfig {
  return config;
}
