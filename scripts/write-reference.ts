/** Writes docs/configuration.md from the schema: `npm run docs`. */
import { writeFileSync } from "node:fs";
import { referencePage } from "../src/config/reference.ts";

writeFileSync(new URL("../docs/configuration.md", import.meta.url), referencePage());
