import { BlockList, isIPv6 } from 'node:net';
import type { Manifest } from './render-chart.ts';

type Labels = Readonly<Record<string, string>>;

interface Peer {
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
  readonly podSelector?: { readonly matchLabels?: Labels };
  readonly namespaceSelector?: { readonly matchLabels?: Labels };
}

interface Rule {
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly protocol: string; readonly port: number; readonly endPort?: number }[];
}

/** Whether pods with these labels may open a TCP connection to an address, by the NetworkPolicies among the manifests. */
export function mayReach(manifests: readonly Manifest[], labels: Labels, address: string, port: number): boolean {
  return rulesFor(manifests, labels).some(
    (rule) =>
      isPortIn(rule, port) && (rule.to ?? []).some(({ ipBlock }) => ipBlock !== undefined && isIn(ipBlock, address)),
  );
}

/** Whether pods with these labels may open a TCP connection to pods with others, in the same namespace. */
export function mayReachPods(manifests: readonly Manifest[], labels: Labels, others: Labels, port: number): boolean {
  return rulesFor(manifests, labels).some(
    (rule) => isPortIn(rule, port) && (rule.to ?? []).some((peer) => isPeer(peer, others)),
  );
}

function rulesFor(manifests: readonly Manifest[], labels: Labels): Rule[] {
  const selecting = policiesFor(manifests, labels);
  if (selecting.length === 0) throw new Error('No policy selects these pods: they may do anything');
  return selecting.flatMap((policy) => (policy['spec'].egress ?? []) as Rule[]);
}

export function policiesFor(manifests: readonly Manifest[], labels: Labels): Manifest[] {
  return manifests.filter(
    ({ kind, spec }) => kind === 'NetworkPolicy' && isSelected(spec.podSelector.matchLabels as Labels, labels),
  );
}

function isPeer({ ipBlock, podSelector, namespaceSelector }: Peer, others: Labels): boolean {
  return ipBlock === undefined && namespaceSelector === undefined && isSelected(podSelector?.matchLabels ?? {}, others);
}

function isSelected(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

function isPortIn({ ports = [] }: Rule, port: number): boolean {
  return ports.some((each) => each.protocol === 'TCP' && port >= each.port && port <= (each.endPort ?? each.port));
}

function isIn({ cidr, except = [] }: { readonly cidr: string; readonly except?: readonly string[] }, address: string) {
  return isInRange(cidr, address) && !except.some((range) => isInRange(range, address));
}

function isInRange(cidr: string, address: string): boolean {
  const [network = '', bits = ''] = cidr.split('/');
  if (isIPv6(network) !== isIPv6(address)) return false;
  const list = new BlockList();
  const family = isIPv6(network) ? 'ipv6' : 'ipv4';
  list.addSubnet(network, Number(bits), family);
  return list.check(address, family);
}
