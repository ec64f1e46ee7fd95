import { Controller } from '@nestjs/common';
import type { RouteSetting } from './declared-setting.js';
import { RULES } from './route-rules.js';

/** What decorators have declared, by the prototype of the class; later decorators and subclasses remove nothing from it. */
const ofMethods = new WeakMap<object, Map<string | symbol, RouteSetting[]>>();
const ofControllers = new WeakMap<object, RouteSetting[]>();

/** The prototypes of the classes on whose method a decorator has declared something, by the method. */
const declarers = new WeakMap<object, Set<object>>();

/** Remembers that a decorator has declared the setting on this method of the class. */
export function recordOnMethod(prototype: object, name: string | symbol, method: object, setting: RouteSetting): void {
  declarers.set(method, (declarers.get(method) ?? new Set()).add(prototype));
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
 * How a method has lost what was declared on it, on its class or on what it inherits from, or undefined: by a decorator that puts
 * another function in its place, as a handler that is made after the decorator of its class has run, or as one of a class that
 * extends one with a rule on callers.
 */
export function lossOf({ prototype, name, declared, isHandler }: DeclaringMethod): string | undefined {
  const classes = chainOf(prototype);
  const owner = classes.findIndex((each) => Object.hasOwn(each, name));
  const [own, ...inherited] = classes.slice(owner).map((each) => ofMethods.get(each)?.get(name) ?? []);
  if (own?.some((setting) => !declared.includes(setting)) === true) {
    return 'has a decorator that puts another function in its place, without what the decorators below declare: put it below them.';
  }
  if (!isHandler) return undefined;
  const isLost = (setting: RouteSetting): boolean => rulesOf(setting).some((rule) => !isDeclared(rule, declared));
  const ofOwnClass = classes.slice(0, owner + 1).flatMap((each) => ofControllers.get(each) ?? []);
  if (ofOwnClass.some(isLost)) {
    return 'became a handler after @Roles() or @EmailVerified() of its class, which does not hold for it: put these above the decorator that makes the handler.';
  }
  if (inherited.flat().some(isLost) && !declared.some((setting) => 'access' in setting)) {
    return 'overrides a handler with @Roles() or @EmailVerified(), which does not hold for it: give it a decorator of its own.';
  }
  const ofAncestors = classes.slice(owner + 1).flatMap((each) => ofControllers.get(each) ?? []);
  return ofAncestors.some(isLost)
    ? 'is of a class that extends one with @Roles() or @EmailVerified(), which does not hold for it: decorate it, or its class.'
    : undefined;
}

/**
 * The name of another controller that has the same function as its handler, if decorators have declared something on it there:
 * what they declare is kept with the function, and so would hold for both.
 */
export function controllerSharing(method: unknown, prototype: object): string | undefined {
  const classes = chainOf(prototype);
  const others = typeof method === 'function' ? [...(declarers.get(method) ?? [])] : [];
  return others.find((each) => !classes.includes(each) && isController(each.constructor))?.constructor.name;
}

/** The metadata keys of `@Controller()`. A class that is only mixed into controllers has none of them. */
const CONTROLLER_KEYS = keysOfController();

function keysOfController(): readonly unknown[] {
  class Example {}
  Controller()(Example);
  return Reflect.getMetadataKeys(Example);
}

function isController(constructor: object): boolean {
  return CONTROLLER_KEYS.every((key) => Reflect.hasMetadata(key, constructor));
}

/** Whether a class of a controller has the rule more than once. */
export function isRepeatedOnClass(rule: (typeof RULES)[number], prototype: object): boolean {
  return chainOf(prototype).some((each) => (ofControllers.get(each) ?? []).filter((one) => rule in one).length > 1);
}

function rulesOf(setting: RouteSetting): readonly string[] {
  return RULES.filter((rule) => rule in setting);
}

function isDeclared(rule: string, declared: readonly RouteSetting[]): boolean {
  return declared.some((setting) => rule in setting);
}

function chainOf(prototype: object): object[] {
  const parent = Reflect.getPrototypeOf(prototype);
  return parent === null || parent === Object.prototype ? [prototype] : [prototype, ...chainOf(parent)];
}
