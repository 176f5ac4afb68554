import type { Operation } from "./operation.ts";

/** An operation that allocates on purpose, so that a test can show that the check fails. Not part of the benchmarks. */
export const allocating: Operation = {
  name: "self-test/allocating",
  about: "an array of 32 numbers that is kept until the next one",
  prepare: () => {
    let kept: readonly number[] = [];
    return (count) => {
      let sum = 0;
      for (let n = 0; n < count; n++) {
        kept = Array.from({ length: 32 }, (_, index) => n + index);
        sum += kept.length;
      }
      return sum;
    };
  },
};
