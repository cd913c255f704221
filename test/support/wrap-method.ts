type Arguments<F> = F extends (...args: infer A) => unknown ? A : never;
type Result<F> = F extends (...args: never[]) => infer R ? R : never;

/** A call of a method that was wrapped. */
export interface WrappedCall<T, F> {
  readonly self: T;
  readonly args: Arguments<F>;
  /** The method as it was. */
  readonly original: (...args: Arguments<F>) => Result<F>;
}

/** Replaces a method of a class for all of its objects. */
export function wrapMethod<T extends object, K extends keyof T & string>(
  prototype: T,
  name: K,
  wrapped: (call: WrappedCall<T, T[K]>) => Result<T[K]>,
): void {
  const method: unknown = Reflect.get(prototype, name);
  if (typeof method !== "function") throw new TypeError(`there is no method ${name} any more`);
  const value = function (this: T, ...args: Arguments<T[K]>): Result<T[K]> {
    const original = (...given: Arguments<T[K]>): Result<T[K]> =>
      Reflect.apply(method, this, given) as Result<T[K]>;
    return wrapped({ self: this, args, original });
  };
  Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
}
