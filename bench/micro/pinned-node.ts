import { readFileSync } from "node:fs";

/** The version of Node that package.json pins for development. */
export function pinnedNode(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { devDependencies } = JSON.parse(text) as { readonly devDependencies: { readonly node: string } };
  return devDependencies.node;
}
