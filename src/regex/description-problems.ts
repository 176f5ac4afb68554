import { readApiDocument } from "../config/api-description.ts";
import { apiDocumentsOf } from "../config/feature-files.ts";
import type { Config } from "../config/schema/schema.ts";
import { error, warning } from "../values/finding.ts";
import type { Finding } from "../values/finding.ts";
import { PathRegexes } from "./path-regexes.ts";

/**
 * What is wrong with the OpenAPI documents of the routes, and warnings of what in them cannot be checked.
 * @param readFile gives the text of a file by its path as the configuration has it, or beside that; throws an Error that says why there is none
 */
export async function descriptionProblems(
  { routes }: Pick<Config, "routes">,
  readFile: (path: string) => string,
): Promise<readonly Finding[]> {
  const documents = new Map(apiDocumentsOf(routes).map((document) => [document.path, document]));
  if (documents.size === 0) return [];
  const regexes = new PathRegexes();
  await regexes.load();
  return [...documents.values()].flatMap(({ path, at }) => {
    const { problems, unsupported } = readApiDocument(path, readFile, (pattern) => regexes.compile(pattern));
    return [...problems.map((problem) => error(at, problem)), ...unsupported.map((line) => warning(at, line))];
  });
}
