/** Runs the contract of `ClientStream` (net/contracts/) over the clients of embedded proxies. */
import { clientStreamContract } from "../net/contracts/client-stream-contract.fixture.ts";
import { NODE_1_0, NODE_1_1 } from "./node-client.fixture.ts";
import { WEB } from "./web-client.fixture.ts";

for (const kind of [NODE_1_1, NODE_1_0, WEB]) clientStreamContract(kind);
