/** What the hot path allocates once V8 has optimised it; bench/micro/allocations.test.ts has the same for code that is not optimised. */
import { allocationTests } from "../../bench/micro/allocation-tests.ts";

allocationTests("optimised");
