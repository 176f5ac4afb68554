/**
 * A program that runs several commands of Millrace's command line in one process. Each of its arguments is one command's argument list, as JSON. What a
 * command prints goes to stderr, together with Node's own warnings, after a line with the command's number.
 */
import { parseArguments } from "../../src/cli/arguments.ts";
import { checkCommand } from "../../src/cli/check.ts";
import { explainCommand } from "../../src/cli/explain.ts";

const print = (text: string): void => void process.stderr.write(text);

for (const [index, given] of process.argv.slice(2).entries()) {
  print(`${index === 0 ? "" : "\n"}#${index}\n`);
  const words: readonly string[] = JSON.parse(given);
  const command = parseArguments(words, "millrace.yaml");
  if (command.command === "check") await checkCommand({ ...command, colours: false }, print, print);
  else if (command.command === "explain") await explainCommand(command, print, print);
  else throw new Error(`no command for this program: ${command.command}`);
}
