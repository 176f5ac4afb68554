/** Proxies built on Node packages. The packages are installed in a folder of their own, so that the project does not depend on them. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Rival } from "./rival.ts";

export const onNode: readonly Rival[] = [
  program("http-proxy"),
  program("http-proxy-3"),
  program("httpxy"),
  program("fast-proxy"),
  program("@fastify/http-proxy", "fastify-http-proxy"),
];

function program(name: string, file: string = name): Rival {
  const place = (relative: string): string => fileURLToPath(new URL(`./npm/${relative}`, import.meta.url));
  return {
    name,
    compilesItself: true,
    missing: () => (existsSync(place(`node_modules/${name}`)) ? null : `${name} is not installed: npm ci --prefix bench/rivals/npm`),
    version: () => versionIn(place(`node_modules/${name}/package.json`)),
    // Deprecation warnings would end up between the bench's lines.
    prepare: ({ port, originPort }) => [process.execPath, "--no-deprecation", place(`${file}.ts`), String(port), String(originPort)],
  };
}

function versionIn(file: string): string {
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { readonly version?: unknown };
  return typeof version === "string" ? version : "";
}
