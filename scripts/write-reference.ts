/** Writes docs/configuration.md from the schema and docs/observability.md from the lists of names: `npm run docs`. */
import { writeFileSync } from "node:fs";
import { referencePage } from "../src/config/reference.ts";
import { observabilityPage } from "./observability-page.ts";

writeFileSync(new URL("../docs/configuration.md", import.meta.url), referencePage());
writeFileSync(new URL("../docs/observability.md", import.meta.url), observabilityPage());
