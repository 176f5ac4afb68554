/** A block within its surroundings: what is said in an outer block counts in an inner one that does not say it again. */
import type { Directive } from "./parse.ts";

export class Scope {
  /** What stands in the block itself. */
  readonly own: readonly Directive[];
  private readonly outer: Scope | null;

  constructor(own: readonly Directive[], outer: Scope | null = null) {
    this.own = own;
    this.outer = outer;
  }

  inner(own: readonly Directive[]): Scope {
    return new Scope(own, this);
  }

  /** The directives of that name in the innermost block that has any. */
  all(name: string): readonly Directive[] {
    const found = this.ownAll(name);
    return found.length > 0 || this.outer === null ? found : this.outer.all(name);
  }

  /** The same block without the directives of these names. */
  without(names: readonly string[]): Scope {
    return new Scope(
      this.own.filter(({ name }) => !names.includes(name)),
      this.outer,
    );
  }

  /** The same block with further directives at its end. */
  with(directives: readonly Directive[]): Scope {
    return new Scope([...this.own, ...directives], this.outer);
  }

  /** The directives of these names, in their order, in the innermost block that has any of them. */
  allOf(names: readonly string[]): readonly Directive[] {
    const found = this.own.filter(({ name }) => names.includes(name));
    return found.length > 0 || this.outer === null ? found : this.outer.allOf(names);
  }

  /** The last of `all`. */
  last(name: string): Directive | undefined {
    return this.all(name).at(-1);
  }

  /** The first argument of `last`. */
  value(name: string): string | undefined {
    return this.last(name)?.args[0];
  }

  ownAll(name: string): readonly Directive[] {
    return this.own.filter((directive) => directive.name === name);
  }

  ownLast(name: string): Directive | undefined {
    return this.ownAll(name).at(-1);
  }

  /** Directives of that name in this block and in all around it, the outermost first. */
  everywhere(name: string): readonly Directive[] {
    return [...(this.outer?.everywhere(name) ?? []), ...this.ownAll(name)];
  }
}
