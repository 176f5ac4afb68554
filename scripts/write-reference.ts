/**
 * Writes the generated files: docs/configuration.md and src/config/input.ts from the schemas, docs/observability.md from the program's lists of
 * names, docs/api.md from the JSDoc of what is exported, and docs/benchmarks.svg from the tables of docs/benchmarks.md. `npm run docs` first runs
 * feature-lists.ts, because these generators load the lists of features.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { chartOfPage } from "../bench/page-chart.ts";
import { referencePage } from "../src/config/reference/reference.ts";
import { apiPage } from "./api-page.ts";
import { configInput } from "./config-input.ts";
import { observabilityPage } from "./observability-page.ts";

const docs = new URL("../docs/", import.meta.url);
writeFileSync(new URL("configuration.md", docs), referencePage());
writeFileSync(new URL("../src/config/input.ts", docs), configInput());
writeFileSync(new URL("observability.md", docs), observabilityPage());
writeFileSync(new URL("api.md", docs), apiPage());
writeFileSync(new URL("benchmarks.svg", docs), chartOfPage(readFileSync(new URL("benchmarks.md", docs), "utf8")));
