// Sees what a module does: what it reads, opens, times, draws and prints. For a process of its own, because it
// replaces the built-in functions for good.
import { createHook } from "node:async_hooks";
import childProcess from "node:child_process";
import crypto from "node:crypto";
import dgram from "node:dgram";
import dns from "node:dns";
import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import tls from "node:tls";

type Holder = Record<PropertyKey, unknown>;

export interface Watch {
  /** What happened since the last look, such as "fs.readFileSync" or "Timeout" for a resource of the event loop. */
  seen(): string[];
}

export function watch(): Watch {
  let seen: string[] = [];
  const see = (what: string) => {
    if (isAskedByModule()) seen.push(what);
  };
  const modules = {
    fs,
    "fs.promises": fs.promises,
    dgram,
    net,
    tls,
    http,
    https,
    http2,
    dns,
    "dns.promises": dns.promises,
  };
  for (const [name, holder] of Object.entries({ ...modules, child_process: childProcess })) {
    for (const key of Object.keys(holder)) replaceFunction(holder as unknown as Holder, key, `${name}.${key}`, see);
  }
  for (const key of ["randomBytes", "randomInt", "randomUUID", "randomFillSync", "getRandomValues"] as const) {
    replaceFunction(crypto as unknown as Holder, key, `crypto.${key}`, see);
  }
  const globals = ["setTimeout", "setInterval", "setImmediate", "fetch"] as const;
  for (const key of globals) replaceFunction(globalThis as unknown as Holder, key, key, see);
  replaceFunction(Math as unknown as Holder, "random", "Math.random", see);
  replaceFunction(Date as unknown as Holder, "now", "Date.now", see);
  replaceFunction(performance as unknown as Holder, "now", "performance.now", see);
  replaceFunction(Crypto.prototype as unknown as Holder, "getRandomValues", "getRandomValues", see);
  replaceFunction(Crypto.prototype as unknown as Holder, "randomUUID", "randomUUID", see);
  for (const key of ["on", "once", "emitWarning", "hrtime"] as const) {
    replaceFunction(process as unknown as Holder, key, `process.${key}`, see);
  }
  for (const key of Object.keys(console)) replaceFunction(console as unknown as Holder, key, `console.${key}`, see);
  for (const name of ["stdout", "stderr"] as const) {
    replaceFunction(process[name] as unknown as Holder, "write", `process.${name}.write`, see);
  }
  watchReads(process.env, (key) => see(`process.env.${key}`));
  syncBuiltinESMExports();

  // What is opened or scheduled by a way not foreseen above. Promises and ticks hold nothing and end with the turn.
  createHook({
    init(_id, type) {
      if (type !== "PROMISE" && type !== "TickObject" && type !== "Microtask") seen.push(type);
    },
  }).enable();

  return {
    seen() {
      const result = seen;
      seen = [];
      return result;
    },
  };
}

function replaceFunction(holder: Holder, key: string, name: string, see: (what: string) => void): void {
  let owner: object | null = holder;
  while (owner !== null && !Object.hasOwn(owner, key)) owner = Object.getPrototypeOf(owner);
  const descriptor = owner === null ? undefined : Object.getOwnPropertyDescriptor(owner, key);
  // Getters give classes that are loaded when they are first asked for.
  if (descriptor?.writable !== true || typeof descriptor.value !== "function") return;
  const original: object = descriptor.value;
  holder[key] = new Proxy(original, {
    apply(target, self, args) {
      see(name);
      return Reflect.apply(target as () => unknown, self, args);
    },
    construct(target, args, newTarget) {
      see(`new ${name}`);
      return Reflect.construct(target as new () => object, args, newTarget);
    },
  });
}

function watchReads(env: NodeJS.ProcessEnv, see: (key: string) => void): void {
  const value = new Proxy(env, {
    get(target, key, receiver) {
      see(String(key));
      return Reflect.get(target, key, receiver);
    },
    has(target, key) {
      see(String(key));
      return Reflect.has(target, key);
    },
    ownKeys(target) {
      see("*");
      return Reflect.ownKeys(target);
    },
  });
  Object.defineProperty(process, "env", { value });
}

/** The loader reads files and variables, too, on the module's behalf: then the caller is Node itself. */
function isAskedByModule(): boolean {
  const frames = (new Error().stack ?? "").split("\n").slice(1);
  const outside = frames.filter((frame) => !frame.includes(import.meta.url) && !frame.endsWith("(<anonymous>)"));
  return !(outside[0] ?? "").includes("node:");
}
