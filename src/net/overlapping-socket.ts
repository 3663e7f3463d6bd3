import { isIPv4, isIPv6 } from 'node:net'
import type { Address } from '../base/address.ts'
import { assert, type SluiceError } from '../base/errors.ts'
import { bindFailure } from './bind-failure.ts'
import { closeDescriptor } from './descriptor.ts'
import { familyOf, socketName } from './socket-name.ts'
import { type SystemCalls, systemCalls } from './system-calls.ts'

/*
 * An address of which one contains the other, such as 127.0.0.1:80 and 0.0.0.0:80, cannot be bound
 * on Linux while a socket listens on the other, unless both have SO_REUSEPORT (socket(7)). Ours have
 * it only while such a bind or listen is made: with it for good, a second daemon of the same user
 * would share the port instead of being told that it is in use.
 */

// Linux's numbers, the same on the machines that koffi has a binary for (asm-generic).
/** SOCK_STREAM, SOCK_NONBLOCK and SOCK_CLOEXEC. */
const STREAM = 0o1 | 0o4000 | 0o2000000
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_REUSEPORT = 15
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26

const ON = new Int32Array([1])
const OFF = new Int32Array([0])

/** A descriptor that listens, and where. */
export interface BoundDescriptor {
  readonly fd: number
  readonly address: Address
}

/** Whether of two TCP addresses one contains the other: `::` takes IPv4 connections too. */
export function isOverlapping(one: Address, other: Address): boolean {
  if (one.kind !== 'inet' || other.kind !== 'inet' || one.port !== other.port) return false
  if (one.host === other.host) return true
  return isWithin(one.host, other.host) || isWithin(other.host, one.host)
}

function isWithin(host: string, any: string): boolean {
  return any === '::' || (any === '0.0.0.0' && isIPv4(host))
}

/** Whether {@link bindBeside} is there on this system. Others (BSD) let both be bound anyway. */
export function canBindBeside(address: Address): boolean {
  return process.platform === 'linux' && socketName(address) !== null
}

/**
 * Binds a TCP address that overlaps with sockets of this process, without listening: until
 * {@link listenBeside}, everybody who connects still comes to those.
 *
 * @param address an IP address and a port
 * @returns the descriptor, the caller's
 * @throws SluiceError `address-in-use`, `bind-failed`, `descriptors-exhausted`
 */
export function bindBeside(address: Address, others: readonly BoundDescriptor[]): number {
  const calls = systemCalls()
  const name = socketName(address)
  assert(name !== null, 'only an IP address is bound beside another one')
  const isIpv6 = address.kind === 'inet' && isIPv6(address.host)
  const fd = calls.socket(familyOf(name), STREAM, 0)
  if (fd < 0) throw failure(calls, 'socket', address)
  try {
    calls.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ON, ON.byteLength)
    if (isIpv6) calls.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, OFF, OFF.byteLength)
    sharing(calls, [{ fd, address }, ...others], () => {
      if (calls.bind(fd, name, name.length) < 0) throw failure(calls, 'bind', address)
    })
  } catch (error) {
    closeDescriptor(fd)
    throw error
  }
  return fd
}

/**
 * Has what {@link bindBeside} has bound listen. Of two that overlap, the kernel gives a connection
 * to the narrower address.
 *
 * @param others those that still listen
 * @throws SluiceError `address-in-use`, `bind-failed`
 */
export function listenBeside(
  { fd, address }: BoundDescriptor,
  backlog: number,
  others: readonly BoundDescriptor[],
): void {
  const calls = systemCalls()
  sharing(calls, [{ fd, address }, ...others], () => {
    if (calls.listen(fd, backlog) < 0) throw failure(calls, 'listen', address)
  })
}

function sharing(calls: SystemCalls, sockets: readonly BoundDescriptor[], act: () => void): void {
  const { setsockopt } = calls
  // What cannot be set shows in what the call says for which it is set.
  for (const { fd } of sockets) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, ON, ON.byteLength)
  try {
    act()
  } finally {
    for (const { fd } of sockets) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, OFF, OFF.byteLength)
  }
}

function failure(calls: SystemCalls, syscall: string, address: Address): SluiceError {
  const errno = calls.errno()
  const [code = `errno ${errno}`] =
    Object.entries(calls.errnoOf).find(([, number]) => number === errno) ?? []
  return bindFailure({ code, syscall, message: `${syscall} ${code}` }, address)
}
