/**
 * Generates the two lists of features that the program loads from src/features/registry.ts. They are two because a data-plane thread loads no
 * schemas, and the main thread reads a configuration without the code of features.
 */
import { writeFileSync } from "node:fs";
import { REGISTRY } from "../src/features/registry.ts";

const FOLDER = new URL("../src/features/", import.meta.url);

/** The generated files in src/features, with their texts. */
export function featureLists(names: readonly string[] = REGISTRY): Readonly<Record<string, string>> {
  return { "declared.ts": declaredList(names), "features.ts": codeList(names) };
}

function declaredList(names: readonly string[]): string {
  return `/**
 * The declarations of all features: their keys in a route with schemas and texts, and their facts. The main thread reads configurations with
 * them. Data-plane threads do not load this file; features.ts has the features' code for them. Made from registry.ts by \`npm run docs\`.
 */
${lines(names, (name) => `import { ${camelCase(name)}Declaration } from "./${name}/schema.ts";`)}

export const DECLARED = {
${lines(names, (name) => `  ${keyOf(name)}: ${camelCase(name)}Declaration,`)}
} as const;

export type FeatureKey = keyof typeof DECLARED;

/** The names of the events that features write to the application log. */
export type FeatureEvent = { [Key in FeatureKey]: keyof (typeof DECLARED)[Key]["facts"]["events"] }[FeatureKey];
`;
}

function codeList(names: readonly string[]): string {
  return `/** The code of all features, for the data plane, in the order in which they act. Made from registry.ts by \`npm run docs\`. */
import type { Feature } from "../proxy/feature/feature.ts";
${lines(names, (name) => `import { ${camelCase(name)} } from "./${name}/${name}.ts";`)}

export const FEATURES: readonly Feature[] = [
${lines(names, (name) => `  ${camelCase(name)},`)}
];
`;
}

function lines(names: readonly string[], line: (name: string) => string): string {
  return names.map(line).join("\n");
}

/** The key of a feature in a route: `rate_limit` for the folder `rate-limit`. */
function keyOf(name: string): string {
  return name.replaceAll("-", "_");
}

function camelCase(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

if (import.meta.main) for (const [file, text] of Object.entries(featureLists())) writeFileSync(new URL(file, FOLDER), text);
