import { fileURLToPath } from "node:url";
import type { Rival } from "./rival.ts";

/** The package that most proxies on Node are built on, with connections to the origin kept. */
export const httpProxy: Rival = {
  name: "http-proxy",
  missing: () => null,
  prepare: ({ port, originPort }) => [
    process.execPath,
    // Warnings about what the package calls of Node would end up between our lines.
    "--no-deprecation",
    fileURLToPath(new URL("./http-proxy-program.ts", import.meta.url)),
    String(port),
    String(originPort),
  ],
};
