/** Reads the files of `basic`. Threads get them as they are. */
import { parseGroups } from "../../policy/authentication/read-groups.ts";
import { parseHtpasswd } from "../../policy/authentication/htpasswd.ts";
import type { ReadCredentials } from "../../values/declaration.ts";

export const readUsers: ReadCredentials = (text) => {
  const read = parseHtpasswd(text);
  return "problems" in read ? read : { text };
};

export const readGroups: ReadCredentials = (text) => {
  const read = parseGroups(text);
  return "problems" in read ? read : { text };
};
