/** The files of a test, and the secrets among them: credentials, and what programs print. */
import { firstLine } from "../config/secret-values.ts";
import type { MachineSecrets } from "../config/secret-values.ts";

/** What a file of a test holds: a text, or bytes. */
export type FileContent = string | Uint8Array;

export function fileAmong(files: Readonly<Record<string, FileContent>> | undefined, name: string): FileContent {
  const content = files?.[name];
  if (content === undefined) throw new Error(`${name} is not among the test's files`);
  return content;
}

export function textOf(content: FileContent): string {
  return typeof content === "string" ? content : new TextDecoder().decode(content);
}

/** @param file gives the content of one of the test's files; throws an Error when there is none */
export function testSecrets(file: (name: string) => string): MachineSecrets {
  return {
    folder: "/",
    credentialFile: (name) => `credential:${name}`,
    printed: ({ exec }) => firstLine(file(exec.join(" "))),
  };
}
