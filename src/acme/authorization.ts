/**
 * Shows the authority that the names of an order are under this proxy's control (RFC 8555 section 7.5). Answers to all challenges are set up one after
 * the other, then the authority looks at all of them at once: it may take a quarter of a minute for each.
 */
import { messageOf } from "../base/errors.ts";
import type { AcmeClient } from "./acme-client.ts";
import { AcmeFault, AcmeProblem, listOf, property, shown } from "./acme-error.ts";
import { objectOf, textOf } from "./answer.ts";
import { offered, tokenOf } from "./challenge.ts";
import type { Challenge, ChallengeResponder, ChallengeType } from "./challenge.ts";
import { thumbprint } from "./jws.ts";
import type { Signer } from "./jws.ts";
import { whenFinished } from "./polling.ts";

interface PresentedChallenge {
  /** URL of the authorization. */
  readonly url: string;
  /** URL of the challenge; null: the authority is looking already. */
  readonly begin: string | null;
  readonly challenge: Challenge;
}

/** Resolves when all authorizations are valid. */
export async function authorize(
  client: AcmeClient,
  signer: Signer,
  urls: readonly string[],
  { names, challenge: type }: { readonly names: readonly string[]; readonly challenge: ChallengeType },
  answers: ChallengeResponder,
  untilMs: number,
): Promise<void> {
  const proofs: PresentedChallenge[] = [];
  for (const url of urls) {
    const proof = await proofFor(client, signer, url, names, type);
    if (proof !== null) proofs.push(proof);
  }
  const presented: Challenge[] = [];
  try {
    for (const { challenge } of proofs) {
      presented.push(challenge);
      await answers.present(challenge, client.signal);
    }
    await Promise.all(proofs.map((proof) => proven(client, signer, proof, untilMs)));
  } finally {
    // What cannot be taken away is harmless: tokens are random and used once.
    for (const challenge of presented) await answers.remove(challenge).catch(() => undefined);
  }
}

/** What is to be shown for an authorization; null: it is valid already, as authorities reuse them. */
async function proofFor(
  client: AcmeClient,
  signer: Signer,
  url: string,
  names: readonly string[],
  type: ChallengeType,
): Promise<PresentedChallenge | null> {
  const authorization = objectOf(await client.post(signer, url, null));
  const name = textOf(property(authorization, "identifier"), "value").toLowerCase();
  const isWildcard = property(authorization, "wildcard") === true;
  if (!names.includes(isWildcard ? `*.${name}` : name)) throw new AcmeFault("the order asks for a name that is not wanted");
  const status = textOf(authorization, "status");
  if (status === "valid") return null;
  if (status !== "pending") throw refused(authorization, name);
  const challenge = offered(authorization, type, name);
  const token = tokenOf(challenge);
  return {
    url,
    begin: property(challenge, "status") === "pending" ? client.urlIn(challenge, "url") : null,
    challenge: { type, name, token, keyAuthorization: `${token}.${thumbprint(signer.key)}` },
  };
}

async function proven(client: AcmeClient, signer: Signer, { url, begin, challenge }: PresentedChallenge, untilMs: number): Promise<void> {
  if (begin !== null) await client.post(signer, begin, {});
  const authorization = await whenFinished(client, signer, url, ["pending"], `looking at ${challenge.name}`, untilMs);
  if (property(authorization, "status") !== "valid") throw refused(authorization, challenge.name);
}

/** What the authority found wrong. */
function refused(authorization: object, name: string): Error {
  const errors = listOf(property(authorization, "challenges")).flatMap((challenge) => {
    const error = property(challenge, "error");
    return error === undefined ? [] : [error];
  });
  const [error] = errors;
  if (error === undefined)
    return new AcmeFault(`the authority's answer about ${name} is ${shown(String(property(authorization, "status")))}`);
  return new AcmeFault(`the authority could not see that ${name} is yours: ${messageOf(new AcmeProblem(error, 200, null))}`);
}
