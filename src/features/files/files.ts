/** Sends the files of a folder. */
import type { CompileRegex } from "../../policy/route/path-regex.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import type { FileStore } from "../../proxy/feature/file-store.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import { PathRewriter, changesPath } from "../../proxy/feature/path-rewriter.ts";
import { filesFacts } from "./facts.ts";
import { METHOD } from "./file-answers.ts";
import { FileTransfer } from "./file-transfer.ts";
import type { FilesConfig } from "./schema.ts";
import { ServedFolder } from "./served-folder.ts";

export const files: Feature<"files"> = {
  name: "files",
  key: "files",
  facts: filesFacts,
  compile: filesMiddleware,
};

/** The least time between two lines of the log about files that cannot be read. */
const REPORT_EVERY_MS = 60_000;

export function filesMiddleware(
  config: FilesConfig,
  { files: store, route, compileRegex, now, report }: Pick<FeatureContext, "files" | "route" | "compileRegex" | "now" | "report">,
): Middleware {
  const folder = servedFolder(config, store, route.rewrite, compileRegex);
  let reportedAt = -Infinity;
  const trouble = (what: string, path: string): void => {
    if (now() < reportedAt + REPORT_EVERY_MS) return;
    reportedAt = now();
    report("warn", "file_failed", what, { route: route.label, path });
  };
  return {
    name: "files",
    onRequest: ({ request }) => (request.method === "GET" || request.method === "HEAD" ? null : METHOD),
    source: ({ startedAtMs }) => ({
      start: ({ request }, response) => {
        const transfer = new FileTransfer(folder, request, startedAtMs, response, trouble);
        transfer.start();
        return transfer;
      },
    }),
  };
}

/** The folder of a route, as its `rewrite` leads into it. */
export function servedFolder(
  config: FilesConfig,
  store: FileStore,
  rewrite: FeatureContext["route"]["rewrite"],
  compileRegex: CompileRegex,
): ServedFolder {
  return new ServedFolder(config, store, rewrite !== undefined && changesPath(rewrite) ? new PathRewriter(rewrite, compileRegex) : null);
}
