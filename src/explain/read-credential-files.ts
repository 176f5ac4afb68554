import { credentialFilesOf, keyServersOf } from "../config/feature-files.ts";
import type { Config } from "../config/schema/schema.ts";
import { CredentialFiles } from "../shared/credential-files.ts";

/** The files with credentials of a checked configuration, as they are now. Key servers are not asked. Throws what `readFile` throws. */
export function readCredentialFiles({ routes }: Config, readFile: (path: string) => string): CredentialFiles {
  const files = new CredentialFiles();
  files.take([
    ...credentialFilesOf(routes).map(({ path, read }) => {
      const found = read(readFile(path));
      return { path, version: 1, text: "text" in found ? found.text : null };
    }),
    ...keyServersOf(routes).map(({ path }) => ({ path, version: 0, text: null })),
  ]);
  return files;
}
