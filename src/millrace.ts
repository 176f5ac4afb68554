/** The entry point of the package, for configurations in TypeScript: `import { defineConfig } from "millrace"`. */
import type { ConfigInput, ShortConfigInput } from "./config/input.ts";

export type { ConfigInput, ShortConfigInput } from "./config/input.ts";

/** The same type with everything readonly, so that constants (`as const`) are accepted too. */
type Constant<T> = T extends object ? { readonly [Key in keyof T]: Constant<T[Key]> } : T;

/** One form of a configuration, which may not have the keys that only the other form has. */
type Only<Form, Other> = Constant<Form> & { readonly [Key in Exclude<keyof Other, keyof Form>]?: never };

/** A configuration in the full form or in the short form. */
export type DefinedConfig = Only<ConfigInput, ShortConfigInput> | Only<ShortConfigInput, ConfigInput>;

/**
 * Returns its argument unchanged. It exists so that editors know the keys of a configuration and the compiler checks them. Values are checked
 * when Millrace loads the file.
 */
export function defineConfig(config: DefinedConfig): DefinedConfig {
  return config;
}
