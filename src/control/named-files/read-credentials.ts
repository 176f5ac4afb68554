/** Reads a file with credentials, for the checks of a configuration and for its use. */
import type { CredentialPlace } from "../../config/feature-files.ts";
import { shownFile } from "../../config/problems/shown.ts";
import { lineOf, readText } from "./config-files.ts";

/** Problems of one file that are told. */
const PROBLEMS_SHOWN = 5;
/** A larger file was named by mistake: a hundred thousand keys have room. */
const CREDENTIAL_BYTES_MAX = 16 * 1024 ** 2;

type ReadText = { readonly text: string } | { readonly problems: readonly string[] };

/** The text of a file with credentials as threads get it, or what is wrong with it, one line each. */
export function readCredentials({ path, read }: CredentialPlace): ReadText {
  try {
    return checkedCredentials(path, readText(path, CREDENTIAL_BYTES_MAX), read);
  } catch (error) {
    return { problems: [lineOf(error)] };
  }
}

/** What is wrong with the file, one line each; empty when nothing is. */
export function credentialProblems(place: CredentialPlace): readonly string[] {
  const found = readCredentials(place);
  return "problems" in found ? found.problems : [];
}

/** @param path for messages */
export function checkedCredentials(path: string, text: string, read: CredentialPlace["read"]): ReadText {
  const found = read(text);
  if ("text" in found) return found;
  const shown = found.problems.slice(0, PROBLEMS_SHOWN).map((problem) => `${shownFile(path)}: ${problem}`);
  const more = found.problems.length - shown.length;
  return { problems: more === 0 ? shown : [...shown, `${shownFile(path)}: ${more} more problems like these`] };
}
