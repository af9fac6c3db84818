import { lookup } from 'node:dns'
import { BlockList, isIP } from 'node:net'
import type { LookupFunction } from 'node:net'
import { AppError } from '../domain/error.ts'

/** Never called, whoever allows the host: link-local (cloud metadata stands there), multicast, unspecified, reserved. */
const never = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
] as const)
  never.addSubnet(net, bits, 'ipv4')
for (const [net, bits] of [
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  never.addSubnet(net, bits, 'ipv6')
never.addAddress('::', 'ipv6')
// metadata services that do not stand in a link-local network
never.addAddress('168.63.129.16', 'ipv4')
never.addAddress('100.100.100.200', 'ipv4')
never.addAddress('fd00:ec2::254', 'ipv6')

/** Networks of one's own: only for hosts that the operator names. */
const inside = new BlockList()
for (const [net, bits] of [
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
] as const)
  inside.addSubnet(net, bits, 'ipv4')
inside.addAddress('::1', 'ipv6')
inside.addSubnet('fc00::', 7, 'ipv6')
inside.addSubnet('fec0::', 10, 'ipv6')
// behind these stands any IPv4 address: NAT64, 6to4, Teredo, IPv4-compatible
inside.addSubnet('64:ff9b::', 96, 'ipv6')
inside.addSubnet('64:ff9b:1::', 48, 'ipv6')
inside.addSubnet('2002::', 16, 'ipv6')
inside.addSubnet('2001::', 32, 'ipv6')
inside.addSubnet('::', 96, 'ipv6')

/** May this address be called? `named`: the operator names the host in SLUICE_UPSTREAM_HOSTS. */
export function addressAllowed(address: string, named: boolean): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  return !never.check(address, family) && (named || !inside.check(address, family))
}

/** Does the operator name this host? Entries are `host` (any port) or `host:port`. */
export function isNamed(url: URL, upstreamHosts: readonly string[]): boolean {
  return upstreamHosts.some(
    (entry) => entry.toLowerCase() === url.hostname || entry.toLowerCase() === hostPort(url),
  )
}

function hostPort(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`
}

/**
 * Looks a host up as net.connect does, and refuses an answer that names a forbidden address: at the moment of connecting, so
 * that a name which changes its address after the check (DNS rebinding) gains nothing.
 */
export function guardedLookup(isNamedHost: (hostname: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0)
      const allowed = addresses.filter(({ address }) =>
        addressAllowed(address, isNamedHost(hostname)),
      )
      const first = allowed[0]
      if (first === undefined) return callback(forbidden(hostname), '', 0)
      if (options.all === true) return callback(null, allowed)
      return callback(null, first.address, first.family)
    })
  }
}

function forbidden(hostname: string): AppError {
  return new AppError('permanent', `The host ${hostname} has an address that must not be called.`, {
    code: 'address-forbidden',
  })
}
