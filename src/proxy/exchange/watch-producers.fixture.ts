import { BodyProducer } from "./body-producer.ts";
import { INPUT_FOLLOWING, OUTPUT_FOLLOWING } from "./producer-state.ts";
import type { Input, Output } from "./producer-state.ts";

let isWatching = false;

/** From now on `breach` is told each change of a stage's or a source's state that is not in the tables of producer-state.ts. */
export function watchProducers(breach: (producer: BodyProducer, what: string) => void): void {
  if (isWatching) return;
  isWatching = true;
  const { enterInput, enterOutput } = BodyProducer.prototype;
  BodyProducer.prototype.enterInput = function (this: BodyProducer, next: Input): void {
    if (!INPUT_FOLLOWING[this.input].includes(next)) breach(this, `input ${this.input} is followed by ${next}`);
    enterInput.call(this, next);
  };
  BodyProducer.prototype.enterOutput = function (this: BodyProducer, next: Output): void {
    if (!OUTPUT_FOLLOWING[this.output].includes(next)) breach(this, `output ${this.output} is followed by ${next}`);
    enterOutput.call(this, next);
  };
}
