/** `millrace hash-password`: a line for a users file. */
import { Buffer } from "node:buffer";
import { userNameProblem } from "../policy/authentication/htpasswd.ts";
import { BCRYPT_PASSWORD_BYTES_MAX, PASSWORD_BYTES_MAX } from "../policy/authentication/password-hash.ts";
import { COSTS, newHash } from "../passwords/new-hash.ts";
import type { HashAlgorithm } from "../passwords/new-hash.ts";
import type { PasswordSource } from "./read-password.ts";

export interface HashPasswordArguments {
  readonly algorithm: HashAlgorithm;
  /** Null: the standard of the algorithm. */
  readonly cost: number | null;
  /** Null: the hash alone is printed. */
  readonly user: string | null;
}

/** Resolves with the exit code. Neither a password nor a text that may be one is shown. */
export async function hashPasswordCommand(
  { algorithm, cost, user }: HashPasswordArguments,
  source: PasswordSource,
  out: (text: string) => void,
  err: (text: string) => void,
): Promise<number> {
  const fail = (problem: string): number => {
    err(`millrace hash-password: ${problem}\n`);
    return 1;
  };
  const { min, max, standard } = COSTS[algorithm];
  const chosen = cost ?? standard;
  if (chosen < min || chosen > max) return fail(`--cost of ${algorithm} is ${min} to ${max}`);
  const named = user === null ? null : userNameProblem(user);
  if (named !== null) return fail(`the name after --user ${named}`);
  // It would be taken for a comment.
  if (user?.startsWith("#") === true) return fail("the name after --user begins with #, as a comment does");
  const given = await source();
  if ("problem" in given) return fail(given.problem);
  const password = Buffer.from(given.password);
  const problem = passwordProblem(given.password, password.length, algorithm);
  if (problem !== null) return fail(problem);
  const hash = await newHash(password, algorithm, chosen);
  password.fill(0);
  out(`${user === null ? "" : `${user}:`}${hash}\n`);
  return 0;
}

/** Why a password cannot be used; null if it can. */
function passwordProblem(password: string, bytes: number, algorithm: HashAlgorithm): string | null {
  if (bytes === 0) return "the password is empty";
  // RFC 7617 section 2: no client can send it.
  if (/\p{Cc}/u.test(password)) return "the password contains a control character, which no client can send";
  if (algorithm === "bcrypt" && bytes > BCRYPT_PASSWORD_BYTES_MAX)
    return `bcrypt reads no more than ${BCRYPT_PASSWORD_BYTES_MAX} bytes of a password, and this one has ${bytes}; leave --algorithm bcrypt out`;
  return bytes > PASSWORD_BYTES_MAX ? `the password is longer than ${PASSWORD_BYTES_MAX} bytes` : null;
}
