/**
 * A program that runs several commands of the command line in one process. Its arguments are the commands' own, each list as JSON. All that
 * a command prints goes to stderr, where Node's own warnings go too, after a line with its number.
 */
import { parseArguments } from "../../src/cli/arguments.ts";
import { checkCommand } from "../../src/cli/check.ts";
import { explainCommand } from "../../src/cli/explain.ts";

const print = (text: string): void => void process.stderr.write(text);

for (const [index, given] of process.argv.slice(2).entries()) {
  print(`${index === 0 ? "" : "\n"}#${index}\n`);
  const words: readonly string[] = JSON.parse(given);
  const command = parseArguments(words, "millrace.yaml");
  if (command.command === "check") await checkCommand(command.file, print, print);
  else if (command.command === "explain") await explainCommand(command, print, print);
  else throw new Error(`no command for this program: ${command.command}`);
}
