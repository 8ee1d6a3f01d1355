import { expect, test } from "vitest";
import { shortNameHint } from "../../src/schemes/short-name.ts";

// Inside a pod, the search domains of resolv.conf make these whole; a look-up of ours takes them as they are.

const hint = (name: string) =>
  `: names are absolute here, search domains are not tried; for a Kubernetes service write ${name}`;

test.each([
  ["users", hint("users.<namespace>.svc.cluster.local")],
  ["users.shop", hint("users.shop.svc.cluster.local")],
  ["users.shop.svc", hint("users.shop.svc.cluster.local")],
  ["_grpc._tcp.users", hint("_grpc._tcp.users.<namespace>.svc.cluster.local")],
  ["_grpc._tcp.users.shop", hint("_grpc._tcp.users.shop.svc.cluster.local")],
  ["_grpc._tcp.users.shop.svc", hint("_grpc._tcp.users.shop.svc.cluster.local")],
  ["users.example.com", ""],
  ["users.shop.svc.cluster.local", ""],
  ["_grpc._tcp.users.shop.svc.cluster.local", ""],
])("%s", (name, expected) => {
  expect(shortNameHint(name)).toBe(expected);
});
