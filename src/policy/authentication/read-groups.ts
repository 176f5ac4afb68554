/**
 * Reads a groups file as Apache has it (`AuthGroupFile`): `role: name name` a line, with empty lines and comments as in a users file. A role may
 * stand on several lines, and a user in several roles. Tools that change passwords do not touch this file. So a name that is not in the users file is no
 * problem: it was probably removed there, and refusing the pair would keep that user's login in use.
 */
import { USER_NAME_MAX, contentLines, shortened, userNameProblem } from "./htpasswd.ts";

/** Roles of one file. Every one of them is compared with what a route requires. */
const ROLES_MAX = 1000;

/** The roles of each user, in the order of the file; or what is wrong, each with its line. */
export type ParsedGroups = { readonly roles: ReadonlyMap<string, readonly string[]> } | { readonly problems: readonly string[] };

export function parseGroups(text: string): ParsedGroups {
  const roles = new Map<string, string[]>();
  const known = new Set<string>();
  const problems: string[] = [];
  for (const [number, line] of contentLines(text)) {
    const colon = line.indexOf(":");
    const role = line.slice(0, colon).trim();
    const problem = colon < 0 ? "expected a role, a colon and names" : roleProblem(role);
    if (problem !== null) {
      problems.push(`line ${number}: ${problem}`);
      continue;
    }
    known.add(role);
    if (known.size > ROLES_MAX) {
      problems.push(`line ${number}: there are more than ${ROLES_MAX} roles`);
      break;
    }
    for (const name of line.slice(colon + 1).split(/[ \t]+/)) {
      if (name === "") continue;
      const own = roles.get(name) ?? [];
      const wrong = userNameProblem(name);
      if (wrong !== null) problems.push(`line ${number}: a name ${wrong}`);
      else if (!own.includes(role)) roles.set(name, [...own, role]);
    }
  }
  return problems.length === 0 ? { roles } : { problems: shortened(problems) };
}

function roleProblem(role: string): string | null {
  return /^[^\s,\p{Cc}]+$/u.test(role) && role.length <= USER_NAME_MAX ? null : "a role is one word without commas";
}
