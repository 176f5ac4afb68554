/** Runs the contract of `UpstreamStream` over every driver of the endpoint's side. */
import { HTTP_1_0, HTTP_1_1 } from "./h1-endpoint.fixture.ts";
import { SOURCE } from "./source-endpoint.fixture.ts";
import { upstreamStreamContract } from "./upstream-stream-contract.fixture.ts";

for (const kind of [HTTP_1_1, HTTP_1_0, SOURCE]) upstreamStreamContract(kind);
