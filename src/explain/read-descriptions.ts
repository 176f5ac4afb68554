import { readApiDocument } from "../config/api-description.ts";
import { apiDocumentsOf } from "../config/feature-files.ts";
import type { Config } from "../config/schema/schema.ts";
import type { CompileRegex } from "../policy/route/path-regex.ts";
import { ApiDescriptions, sharedPieces } from "../shared/api-descriptions.ts";

/** The descriptions of APIs of a checked configuration, as their documents are now. Throws what `readFile` throws, and for a document that is wrong. */
export function readDescriptions({ routes }: Config, readFile: (path: string) => string, compileRegex: CompileRegex): ApiDescriptions {
  const descriptions = new ApiDescriptions();
  descriptions.take(
    apiDocumentsOf(routes).map(({ path }) => {
      const { pieces, problems } = readApiDocument(path, readFile, compileRegex);
      if (pieces === null) throw new Error(problems.join("\n"));
      return { path, version: 1, memory: sharedPieces(pieces) };
    }),
  );
  return descriptions;
}
