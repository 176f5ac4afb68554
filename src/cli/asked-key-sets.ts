/** Key servers, for commands that look at a configuration once: each is asked when a token needs its keys, and at most once. */
import type { CredentialPlace } from "../config/feature-files.ts";
import { askKeyServer, keyServerRequests } from "../control/key-servers/ask-key-server.ts";

/** @param err gets why a server gives no keys */
export function askedKeySets(version: string, err: (text: string) => void): (place: CredentialPlace) => Promise<string | null> {
  const asked = new Map<string, Promise<string | null>>();
  const ask = async (place: CredentialPlace): Promise<string | null> => {
    const requests = await keyServerRequests(version);
    const found = await askKeyServer(place, requests);
    requests.close();
    if ("text" in found) return found.text;
    err(`millrace explain: the key server ${place.path} gives no key set: ${found.problem}; so tokens are not verified\n`);
    return null;
  };
  return (place) => {
    const before = asked.get(place.path) ?? ask(place);
    asked.set(place.path, before);
    return before;
  };
}
