import type { RouteSetting } from './declared-setting.js';
import { RULES } from './route-rules.js';

/** What decorators have declared, by the prototype of the class; later decorators and subclasses remove nothing from it. */
const ofMethods = new WeakMap<object, Map<string | symbol, RouteSetting[]>>();
const ofControllers = new WeakMap<object, RouteSetting[]>();

/** Remembers that a decorator has declared the setting on this method of the class. */
export function recordOnMethod(prototype: object, name: string | symbol, setting: RouteSetting): void {
  const methods = ofMethods.get(prototype) ?? new Map<string | symbol, RouteSetting[]>();
  ofMethods.set(prototype, methods.set(name, [...(methods.get(name) ?? []), setting]));
}

/** Remembers that a decorator has declared the setting on the class. */
export function recordOnController(prototype: object, setting: RouteSetting): void {
  ofControllers.set(prototype, [...(ofControllers.get(prototype) ?? []), setting]);
}

/** A method of a controller, and what it declares when all decorators have run. */
export interface DeclaringMethod {
  /** Of the controller. */
  readonly prototype: object;
  readonly name: string;
  readonly declared: readonly RouteSetting[];
  readonly isHandler: boolean;
}

/**
 * How a method has lost what was declared on it or on what it inherits from, or undefined: by a decorator that puts another
 * function in its place, or as a handler of a class that extends one with a rule on callers.
 */
export function lossOf({ prototype, name, declared, isHandler }: DeclaringMethod): string | undefined {
  const classes = chainOf(prototype);
  const owner = classes.findIndex((each) => Object.hasOwn(each, name));
  const [own, ...inherited] = classes.slice(owner).map((each) => ofMethods.get(each)?.get(name) ?? []);
  if (own?.some((setting) => !declared.includes(setting)) === true) {
    return 'has a decorator that puts another function in its place, without what the decorators below declare: put it below them.';
  }
  if (!isHandler || declared.some(isRule)) return undefined;
  if (inherited.flat().some(isRule) && !declared.some((setting) => 'access' in setting)) {
    return 'overrides a handler with @Roles() or @EmailVerified(), which does not hold for it: give it a decorator of its own.';
  }
  const ofAncestors = classes.slice(owner + 1).flatMap((each) => ofControllers.get(each) ?? []);
  return ofAncestors.some(isRule)
    ? 'is of a class that extends one with @Roles() or @EmailVerified(), which does not hold for it: decorate it, or its class.'
    : undefined;
}

function isRule(setting: RouteSetting): boolean {
  return RULES.some((rule) => rule in setting);
}

function chainOf(prototype: object): object[] {
  const parent = Reflect.getPrototypeOf(prototype);
  return parent === null || parent === Object.prototype ? [prototype] : [prototype, ...chainOf(parent)];
}
