/** The repository's files as the house rules read them. */
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** Folders that are never committed. */
const IGNORED = new Set([".git", "dist", "coverage", "bench/results", "millrace.schema.json"]);
const TEXT = /\.(ts|mjs|js|json|ya?ml|md|sh|conf|lua)$|(^|\/)(Dockerfile|LICENSE|run|\.[a-z]+(ignore|rc))$/;

/** Paths of all text files under a folder, relative to the root, with forward slashes. If `under` is a file, that file. */
export function textFiles(under: string = ""): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(path.join(ROOT, under), { withFileTypes: true })) {
    const name = under === "" ? entry.name : `${under}/${entry.name}`;
    if (IGNORED.has(name) || entry.name === "node_modules") continue;
    if (entry.isDirectory()) found.push(...textFiles(name));
    else if (entry.isFile() && TEXT.test(name)) found.push(name);
  }
  return found;
}

/** Paths of the program's own TypeScript files, without tests and fixtures. */
export function sourceFiles(under: string = "src"): string[] {
  return textFiles(under).filter((file) => file.endsWith(".ts") && !/\.(test|fixture)\.ts$/.test(file));
}

export function readText(file: string): string {
  return readFileSync(path.join(ROOT, file), "utf8");
}

/** The code without its comments; lines keep their numbers. */
export function withoutComments(code: string): string {
  return code.replace(/(^|\s)\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, "")).replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** The module names that the code imports or re-exports, as written, `import()` included. */
export function importsOf(code: string): string[] {
  const plain = withoutComments(code);
  const found = [
    ...plain.matchAll(/^\s*(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']/gm),
    ...plain.matchAll(/^\s*import\s*["']([^"']+)["']/gm),
    ...plain.matchAll(/\bimport\(\s*["']([^"']+)["']/g),
  ];
  return found.map(([, module]) => module ?? "");
}
