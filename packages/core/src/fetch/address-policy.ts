import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** IPv6 that is routed on the public internet. `unicast` alone would also let through what nobody has assigned yet. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Says whether a connection to an IP address (no name, no brackets) is allowed: public unicast addresses are, and what
 * lies in `allowCidrs`. IPv4 inside IPv6 (`::ffff:127.0.0.1`) counts as the IPv4 address that it is; the tunnels that
 * could carry a private IPv4 address (NAT64, 6to4, Teredo) count as not public.
 */
export function createAddressPolicy(allowCidrs: readonly string[]): (address: string) => boolean {
  const allowed = allowCidrs.map((cidr) => ipaddr.parseCIDR(cidr));
  return (text) => {
    // isIP first: ipaddr.js also reads forms such as 0x7f.1, which a resolver never answers with.
    if (isIP(text) === 0) return false;
    const address = ipaddr.process(text);
    return isPublic(address) || allowed.some(([network, bits]) => isInside(address, network, bits));
  };
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || address.match(globalUnicast);
}

function isInside(address: Address, network: Address, bits: number): boolean {
  return address.kind() === network.kind() && address.match(network, bits);
}
