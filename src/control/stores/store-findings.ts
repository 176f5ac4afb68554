/** Checks stores beyond the schema: whether the package is there that speaks to them, and whether their files can be read. */
import path from "node:path";
import type { PlacedStore } from "../../config/surroundings.ts";
import { error } from "../../values/finding.ts";
import type { Finding } from "../../values/finding.ts";
import { readTrust } from "../certificates/read-material.ts";
import type { NoteFile } from "../named-files/config-files.ts";

/**
 * @param folder the folder to which paths are relative
 * @param clientProblem says what is wrong with the package; null: nothing
 * @param noted called with each file before it is read
 */
export function storeFindings(
  folder: string,
  clientProblem: () => string | null,
  noted: NoteFile = () => {},
): (stores: readonly PlacedStore[]) => readonly Finding[] {
  return (stores) =>
    stores.flatMap(({ path: place, store }) => {
      const missing = clientProblem();
      const file = store.tls?.ca_file;
      return [...(missing === null ? [] : [error([...place, "type"], missing)]), ...(file === undefined ? [] : trust(file, place))];
    });

  function trust(name: string, place: PlacedStore["path"]): readonly Finding[] {
    const file = path.resolve(folder, name);
    noted(file);
    const read = readTrust({ ca_file: file });
    return "value" in read ? [] : [error([...place, "tls", "ca_file"], read.problem)];
  }
}
