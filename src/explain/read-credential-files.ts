import { credentialFilesOf, keyServersOf } from "../config/feature-files.ts";
import type { CredentialPlace } from "../config/feature-files.ts";
import type { Config } from "../config/schema/schema.ts";
import { CredentialFiles } from "../shared/credential-files.ts";
import type { SentCredentials } from "../shared/credential-files.ts";

/** The key set of a key server, as threads get it; null: it gives none. */
export type KeySetOf = (place: CredentialPlace) => Promise<string | null>;

/**
 * The files with credentials of a checked configuration, as they are now. A key server is asked when a token needs its keys. Throws what `readFile` throws.
 */
export function readCredentialFiles({ routes }: Config, readFile: (path: string) => string, keySetOf: KeySetOf): CredentialFiles {
  const servers = keyServersOf(routes);
  const known = new Map<string, SentCredentials>(servers.map(({ path }) => [path, { path, version: 0, text: null }]));
  for (const { path, read } of credentialFilesOf(routes)) {
    const found = read(readFile(path));
    known.set(path, { path, version: 1, text: "text" in found ? found.text : null });
  }
  const ask = async (url: string): Promise<void> => {
    const server = servers.find(({ path }) => path === url);
    const before = known.get(url);
    const text = server === undefined ? null : await keySetOf(server);
    if (before !== undefined && text !== before.text) known.set(url, { path: url, version: before.version + 1, text });
    files.take([...known.values()]);
  };
  const files = new CredentialFiles((url) => void ask(url));
  files.take([...known.values()]);
  return files;
}
