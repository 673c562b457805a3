import { isIPv4, isIPv6 } from 'node:net';

/** Where the connection is of no address: a local socket, or a client that is gone already. All of them count as one. */
const UNKNOWN = 'unknown';

/**
 * The address that a request comes from. `trustedProxies` say truly who came to them: each writes its caller's address at the end of
 * X-Forwarded-For, so counted from the end that many are believed, and what stands before them anybody could have written. With
 * none trusted the header says nothing, and the connection's own address counts. What is no address is passed over, towards us.
 */
export function clientAddress(connection: string | undefined, forwardedFor: string | undefined, trustedProxies: number): string {
  if (trustedProxies === 0) return addressIn(connection ?? '') ?? UNKNOWN;
  const chain = [...(forwardedFor ?? '').split(','), connection ?? ''].map(addressIn);
  const believed = chain.slice(Math.max(0, chain.length - 1 - trustedProxies));
  return believed.find((address) => address !== null) ?? UNKNOWN;
}

/**
 * What is counted as one caller: an IPv4 address, also one that is written as IPv6, or the /64 of an IPv6 address, of which one
 * household has all 2^64.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const groups = groupsOf(address);
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xff_ff;
  if (isMapped) return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** The address in `1.2.3.4`, `1.2.3.4:567`, `2001:db8::1`, `[2001:db8::1]:567` or `fe80::1%eth0`, or null. */
function addressIn(written: string): string | null {
  const text = written.trim();
  const bare = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text;
  const address = bare.replace(/%.*$/, '');
  return isIPv4(address) || isIPv6(address) ? address : null;
}

/** The eight groups of an IPv6 address, however it is written. */
function groupsOf(address: string): number[] {
  // The URL parser knows all spellings, and writes the shortest.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const parse = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [before, after] = [parse(head), parse(tail ?? '')];
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}
