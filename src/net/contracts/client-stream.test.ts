/** Runs the contract of `ClientStream` over every driver of the client's side. */
import { clientStreamContract } from "./client-stream-contract.fixture.ts";
import { FETCH } from "./fetch-client.fixture.ts";
import { RELAY } from "./relay-client.fixture.ts";
import { HTTP_1_0, HTTP_1_1 } from "./h1-client.fixture.ts";

for (const kind of [HTTP_1_1, HTTP_1_0, FETCH, RELAY]) clientStreamContract(kind);
