/** The files of a test, and the secrets among them: credentials, and what programs print. */
import { firstLine } from "../config/secret-values.ts";
import type { MachineSecrets } from "../config/secret-values.ts";

export function fileAmong(files: Readonly<Record<string, string>> | undefined, name: string): string {
  const text = files?.[name];
  if (text === undefined) throw new Error(`${name} is not among the test's files`);
  return text;
}

/** @param file gives the content of one of the test's files; throws an Error when there is none */
export function testSecrets(file: (name: string) => string): MachineSecrets {
  return {
    folder: "/",
    credentialFile: (name) => `credential:${name}`,
    printed: ({ exec }) => firstLine(file(exec.join(" "))),
  };
}
