/**
 * What to write in place of a name that does not exist and is as short as Kubernetes' are inside a pod, where the search
 * domains of resolv.conf make them whole. Here they are not tried: one look-up would become five.
 *
 * @param name without a dot at its end, perhaps with leading `_service._proto` labels.
 */
export function shortNameHint(name: string): string {
  const [, labels = "", host = ""] = /^((?:_[^.]*\.)*)(.*)$/.exec(name) ?? [];
  const whole = wholeName(host.split("."));
  if (whole === undefined) return "";
  return `: names are absolute here, search domains are not tried; for a Kubernetes service write ${labels}${whole}`;
}

/** `<service>.<namespace>.svc.<cluster domain>`, of which `cluster.local` is the default. */
function wholeName([service, namespace, svc, ...rest]: readonly string[]): string | undefined {
  if (namespace === undefined) return `${service}.<namespace>.svc.cluster.local`;
  if (svc === undefined || (svc === "svc" && rest.length === 0)) return `${service}.${namespace}.svc.cluster.local`;
  return undefined;
}
