/** The key `files` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { oneOrMore } from "../../values/scalars.ts";
import { filePath } from "../../values/texts.ts";
import { filesFacts } from "./facts.ts";

const indexName = z
  .string()
  .regex(/^[^./\0\\][^/\0\\]*$/, { error: "expected the name of a file, such as index.html" })
  .meta({ title: "file name" });

const fallbackPath = z
  .string()
  .regex(/^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/, {
    error: "expected the path of a file below root, such as /index.html, of letters, digits, dots, dashes and underscores",
  })
  .meta({ title: "path" });

export const filesSchema = z.strictObject({
  root: filePath.meta({
    title: "folder",
    description:
      "The folder whose files are sent. Links are followed as long as they stay below it. Names that begin with a dot are not found, `/.well-known/` apart.",
  }),
  index: oneOrMore(indexName).default(["index.html"]).meta({
    description: "The file, or the first of several, that is sent for a folder. A folder without one is not found: nothing is listed.",
  }),
  fallback: fallbackPath.optional().meta({
    description:
      "A file below `root` that is sent, with status 200, for paths that are not found, as a single-page application wants. Not for names with the ending of a style sheet, a script, an image and the like: for these, 404 says what is wrong.",
  }),
  precompressed: z
    .array(z.enum(["br", "zstd", "gzip"]))
    .default(["br", "zstd", "gzip"])
    .meta({
      description:
        "The compressed copies that are sent to clients who take them, the best first: `app.js.br`, `app.js.zst`, `app.js.gz` beside `app.js`. One that is older than the file itself is left alone. `[]`: none is looked for.",
    }),
});

/** `root` is absolute. */
export type FilesConfig = z.output<typeof filesSchema>;

export const filesDeclaration = {
  facts: filesFacts,
  schema: filesSchema,
  description: "Sends the files of a folder, to GET and HEAD. A `rewrite` of the path acts first.",
  calledElsewhere: {
    "": "file_server serve_static static static_files alias",
    root: "directory dir document_root folder",
    index: "index_names",
    fallback: "try_files spa fallback_resource",
    precompressed: "gzip_static brotli_static zstd_static precompress",
  },
  folders: ["root"],
} as const satisfies FeatureDeclaration;
